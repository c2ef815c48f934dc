// One event after the other, as they happen.
#include "tests/sim/cost/energy_reference.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <stdexcept>
#include <variant>
#include <vector>

#include "models/hbm.hpp"

namespace anzan::sim::testing {
namespace {

using Loops = std::array<std::uint16_t, isa::kLoops>;
using Index = std::array<int, isa::kLoops>;

int bytes_of(isa::Format format) {
  return format == isa::Format::kInt8 ? 1 : format == isa::Format::kInt16 ? 2 : 4;
}
bool is_integer(isa::Format format) { return format != isa::Format::kFp32; }

// f(index) for each iteration of the loops [first, last), the last one innermost.
template <class F>
void each(const Loops& loops, int first, int last, const F& f) {
  Index at{};
  for (;;) {
    f(at);
    int k = last;
    while (k > first && ++at[static_cast<std::size_t>(k - 1)] == loops[static_cast<std::size_t>(k - 1)])
      at[static_cast<std::size_t>(--k)] = 0;
    if (k == first) return;
  }
}

constexpr double kCounterLines = 9, kBins = 64, kEntryWords = 10;

// Of each slot two sets of counters, or one entry; and 256 scalars.
double database_kib(int slots) { return slots * 2 * kCounterLines * 32 / 1024; }
double settings_kib(int slots) { return (slots * kEntryWords + 256) * 4 / 1024; }

}  // namespace

class EnergyReference::Walk {
 public:
  Walk(EnergyReference& sum, double times) : sum_(sum), times_(times), lanes_(sum.core_.parameters.lanes) {}

  void run(const isa::Instruction& i) {
    std::visit(*this, i);
    const double words = isa::info(i).words;
    program(std::ceil(words / lanes_) * lanes_ * 4);
    if (!std::holds_alternative<isa::End>(i)) count("sequencer", "queue_word", words);
    for (const Tally& t : tallies_) {
      if (t.event != nullptr)
        sum_.count(t.component, t.event, times_ * t.n);
      else
        sum_.access(t.component, t.kib, times_ * t.n);
    }
    tallies_.clear();
  }

  void operator()(const isa::End&) {}

  void operator()(const isa::Tensor& t) {
    settings(3);
    const int first_reduced = isa::kLoops - t.reduce;
    const double lanes = t.spill != 0 ? lanes_ : t.mask.lane_count, line = 4.0 * lanes_, rows = t.row_count;
    const double spilled_lines = is_integer(t.format) ? 2 : 1;
    const bool narrow = t.format == isa::Format::kInt8;
    each(t.loops, 0, first_reduced, [&](const Index&) {
      if (t.init != isa::Init::kZero) count("tensor", "accumulator_move", rows * lanes);
      if (t.init == isa::Init::kBias) {
        scratchpad(line);
        if (is_integer(t.format)) count("tensor", "bias_conversion", rows);
      }
      if (t.init == isa::Init::kSpill) scratchpad(rows * spilled_lines * line);
      each(t.loops, first_reduced, isa::kLoops, [&](const Index&) {
        scratchpad(2 * line);
        const double words = rows * lanes;
        if (is_integer(t.format)) {
          count("tensor", narrow ? "product_int8" : "product_int16", words * 4 / bytes_of(t.format));
          count("tensor", narrow ? "accumulate_int8" : "accumulate_int16", words);
        } else {
          count("tensor", "fma_fp32", words);
        }
      });
      count("tensor", "accumulator_move", rows * lanes);
      if (t.spill != 0) {
        count("write_back", "pack_byte", rows * spilled_lines * line);
        scratchpad(rows * spilled_lines * line);
        return;
      }
      if (is_integer(t.format) && !is_integer(t.out_format)) count("write_back", "convert", rows * lanes);
      for (int row = 0; row < t.row_count; ++row)
        write_row(t.mask, t.out_format, t.slot_o, t.relu != 0, t.analyse != 0);
    });
    if (t.analyse != 0 && t.spill == 0) merge();
  }

  void operator()(const isa::Vector& v) {
    const std::string op = isa::name(v.op);
    static const std::map<std::string, std::pair<int, const char*>> kOps{{"copy", {1, nullptr}},
                                                                         {"f2i", {1, "vector_conversion"}},
                                                                         {"i2f", {1, "vector_conversion"}},
                                                                         {"add", {2, "vector_add"}},
                                                                         {"sub", {2, "vector_add"}},
                                                                         {"mul", {2, "vector_multiply"}},
                                                                         {"max", {2, "vector_compare"}},
                                                                         {"min", {2, "vector_compare"}},
                                                                         {"fma", {3, "vector_fma"}},
                                                                         {"fnma", {3, "vector_fma"}},
                                                                         {"select_eq", {3, "vector_compare"}},
                                                                         {"select_gt", {3, "vector_compare"}},
                                                                         {"iadd", {2, "vector_integer"}},
                                                                         {"isub", {2, "vector_integer"}},
                                                                         {"iand", {2, "vector_integer"}},
                                                                         {"ishl", {2, "vector_integer"}},
                                                                         {"ishr", {2, "vector_integer"}},
                                                                         {"uadd", {2, "vector_integer"}},
                                                                         {"random", {0, "vector_random"}}};
    const auto& [operands, event] = kOps.at(op);
    const std::array<const isa::Operand*, 3> read{&v.a, &v.b, &v.c};
    settings(1 + operands);
    const double lanes = v.mask.lane_count;
    const int first_reduced = isa::kLoops - v.reduce;
    each(v.loops, 0, first_reduced, [&](const Index&) {
      bool folds = false;
      each(v.loops, first_reduced, isa::kLoops, [&](const Index&) {
        for (int k = 0; k < operands; ++k) operand(*read[static_cast<std::size_t>(k)], lanes);
        count("vector", "vector_lane", lanes);
        if (event != nullptr) count("vector", event, lanes);
        if (folds && v.reduction != isa::Reduction::kNone)
          count("vector", v.reduction == isa::Reduction::kAdd ? "vector_add" : "vector_compare", lanes);
        folds = true;
      });
      write_row(v.mask, v.out_format, v.slot_o, v.relu != 0, v.analyse != 0);
    });
    if (v.analyse != 0) merge();
  }

  void operator()(const isa::Copy& c) {
    each(c.loops, 0, isa::kLoops, [&](const Index&) {
      const double row = lanes_ * bytes_of(c.element);
      count("dma", "dma_byte", row);
      if (c.src_space == isa::Space::kScratchpad) scratchpad(row);
      if (c.dst_space == isa::Space::kScratchpad) scratchpad(row);
    });
  }

  void operator()(const isa::Put& p) {
    each(p.loops, 0, isa::kLoops, [&](const Index&) {
      const double row = lanes_ * bytes_of(p.element);
      count("network", "network_byte", row);
      scratchpad(2 * row);  // here, and where it arrives
    });
  }

  void operator()(const isa::Transpose& t) {
    each(t.loops, 0, isa::kLoops, [&](const Index&) {
      const double bytes = (t.src_rows + t.dst_rows) * lanes_ * bytes_of(t.element);
      scratchpad(bytes);
      count("transposer", "transpose_byte", bytes);
    });
  }

  void operator()(const isa::Update&) {
    database(2 * kCounterLines);  // reads the window, writes it back
    count("settings_optimiser", "optimiser_bin", kBins);
    count("settings_optimiser", "optimiser_decision", 1);
    access("settings_optimiser", settings_kib(sum_.core_.slots), 2 * kEntryWords * 4);
  }

  void operator()(const isa::Settle&) { settings(2); }

  // Window and total are read and written back; the counters go between them and the scratchpad.
  void operator()(const isa::Take&) { move_counters(); }
  void operator()(const isa::Give&) { move_counters(); }

 private:
  // What an instruction has done so far; the same words are the same pointers, or another entry.
  struct Tally {
    const char *component, *event;  // event: none for an access to a memory of so many KiB
    double kib, n;
  };
  void tally(const char* component, const char* event, double kib, double n) {
    for (Tally& t : tallies_) {
      if (t.component == component && t.event == event && t.kib == kib) {
        t.n += n;
        return;
      }
    }
    tallies_.push_back({component, event, kib, n});
  }
  void count(const char* component, const char* event, double n) { tally(component, event, 0, n); }
  void access(const char* component, double kib, double bytes) { tally(component, nullptr, kib, bytes); }
  void scratchpad(double bytes) {
    access("scratchpad", static_cast<double>(sum_.core_.scratchpad_kib), bytes);
  }
  void program(double bytes) {
    access("sequencer", std::ceil(static_cast<double>(sum_.core_.program_bytes) / 1024), bytes);
  }
  void settings(double words) { access("settings_store", settings_kib(sum_.core_.slots), words * 4); }
  void database(double lines) { access("statistics_database", database_kib(sum_.core_.slots), lines * 32); }
  void merge() { database(2 * 2 * kCounterLines); }  // window and total, read and written
  void move_counters() {
    database(2 * 2 * kCounterLines);
    scratchpad(kCounterLines * 32);
  }

  void operand(const isa::Operand& o, double lanes) {
    if (o.kind == isa::OperandKind::kRows) {
      scratchpad(lanes_ * bytes_of(o.format));
      if (is_integer(o.format)) count("vector", "operand_conversion", lanes);
    } else if (o.kind == isa::OperandKind::kBroadcast) {
      scratchpad(bytes_of(o.format));
      if (is_integer(o.format)) count("vector", "operand_conversion", 1);
    }
  }

  void write_row(const isa::Mask& mask, isa::Format format, int slot, bool relu, bool analyse) {
    const double values = mask.lane_count;
    if (relu) count("write_back", "relu", values);
    if (analyse) count("analysis_block", "analyse", values);
    if (is_integer(format)) {
      count("write_back", "quantise", values);
      if (sum_.core_.slots_that_round_by_dice.count(slot) != 0) count("write_back", "random_word", values);
    }
    count("write_back", "pack_byte", values * bytes_of(format));
    scratchpad(lanes_ * bytes_of(format));
  }

  EnergyReference& sum_;
  double times_;
  int lanes_;
  std::vector<Tally> tallies_;
};

void EnergyReference::add(const isa::Program& program, const models::ProgramTiming& trace, double times) {
  add_instructions(program, times);
  add_memory(program, trace, times);
}

void EnergyReference::add_instructions(const isa::Program& program, double times) {
  Walk walk(*this, times);
  for (const isa::Instruction& i : program) walk.run(i);
}

void EnergyReference::add_memory(const isa::Program& program, const models::ProgramTiming& trace,
                                 double times) {
  const models::clocked::CoreParameters& p = core_.parameters;
  models::Hbm memory(p.hbm, p.lanes, p.clock_period_fs);
  std::vector<std::vector<models::HbmCommand>> logs(static_cast<std::size_t>(p.hbm.channels));
  for (int c = 0; c < p.hbm.channels; ++c) memory.log_commands(c, &logs[static_cast<std::size_t>(c)]);
  const auto tally = [&] {
    using Kind = models::HbmCommand::Kind;
    std::map<Kind, double> commands;  // names are looked up once, not millions of times
    for (std::vector<models::HbmCommand>& log : logs) {
      for (const models::HbmCommand& command : log) commands[command.kind] += times;
      log.clear();
    }
    count("hbm", "hbm_read", commands[Kind::kRead] * p.hbm.burst_bytes);
    count("hbm", "hbm_write", commands[Kind::kWrite] * p.hbm.burst_bytes);
    count("hbm", "hbm_activation", commands[Kind::kActivate]);
    count("hbm", "hbm_refresh", commands[Kind::kRefresh]);
  };
  for (std::size_t i = 0; i < program.size(); ++i) {
    const auto* c = std::get_if<isa::Copy>(&program[i]);
    if (c == nullptr) continue;
    const bool reads = c->src_space == isa::Space::kHbm, writes = c->dst_space == isa::Space::kHbm;
    if (!reads && !writes) continue;
    const isa::Address& address = reads ? c->src : c->dst;
    std::vector<std::int64_t> lines;
    each(c->loops, 0, isa::kLoops, [&](const Index& at) {
      std::int64_t row = address.base;
      for (std::size_t k = 0; k < isa::kLoops; ++k) row += std::int64_t{at[k]} * address.stride[k];
      lines.push_back(row * bytes_of(c->element) / 4);
    });
    models::LineWalk walk;
    walk.first_cycle = trace.instructions[i].started + 1 + isa::kDmaSetupCycles + (writes ? 1 : 0);
    walk.outstanding = p.dma_outstanding;
    walk.write = writes;
    auto next = lines.begin();
    const std::int64_t end =
        memory.run(walk, static_cast<std::int64_t>(lines.size()), [&next] { return *next++; });
    if (end != trace.instructions[i].ended)
      throw std::logic_error("copy " + std::to_string(i) + " ended in cycle " + std::to_string(end) +
                             ", in the trace in " + std::to_string(trace.instructions[i].ended));
    tally();
  }
  memory.advance(trace.cycles);
  tally();
}

// The core's figure is for 1,024 slots; more of them are more memory, as of the scratchpad.
void EnergyReference::add_static(double seconds) {
  const nlohmann::json& power = technology_.at("static");
  const double more = database_kib(core_.slots) + settings_kib(core_.slots) - 576 - 41;
  put("static", "static/core", power.at("core").at("mw").get<double>() * 1e-3 * seconds);
  put("static", "static/scratchpad_kib",
      power.at("scratchpad_kib").at("mw").get<double>() * 1e-3 *
          (static_cast<double>(core_.scratchpad_kib) + more) * seconds);
}

void EnergyReference::times_cores(double cores) {
  for (auto& [component, joules] : joules_) joules *= component == "links" ? 1 : cores;
}

double EnergyReference::total() const {
  double sum = 0;
  for (const auto& [component, joules] : joules_) sum += joules;
  return sum;
}

void EnergyReference::put(const std::string& component, const std::string& figure, double joules) {
  joules_[component] += joules;
  by_figure_[figure] += joules;
}

void EnergyReference::count(const std::string& component, const std::string& event, double n) {
  const std::string figure = component + "/" + event;
  const auto known = figures_.find(figure);
  const double pj = known != figures_.end()
                        ? known->second
                        : (figures_[figure] = technology_.at("events").at(component).at(event).at("pj"));
  counts_[figure] += n;
  put(component, figure, n * pj * 1e-12);
}

void EnergyReference::access(const std::string& component, double kib, double bytes) {
  const auto known = accesses_.find(kib);
  const double pj = known != accesses_.end() ? known->second : (accesses_[kib] = access_pj(kib));
  put(component, component + "/sram", bytes / 8 * pj * 1e-12);
}

// A power law through the two sizes around it, or the nearest two.
double EnergyReference::access_pj(double kib) const {
  const nlohmann::json& points = technology_.at("sram");
  std::size_t k = 0;
  while (k + 2 < points.size() && kib > points[k + 1].at("kib").get<double>()) ++k;
  const double k0 = points[k].at("kib"), k1 = points[k + 1].at("kib"), e0 = points[k].at("pj"),
               e1 = points[k + 1].at("pj");
  const double exponent = std::log2(e1 / e0) / std::log2(k1 / k0);
  return std::exp2(std::log2(e0) + exponent * std::log2(kib / k0));
}

}  // namespace anzan::sim::testing
