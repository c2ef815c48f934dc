// Writes events in an order in which each flow stands inside or right behind the slice that it belongs to:
// viewers sort by time and keep the order of the file at equal times.
#include "sim/trace/chrome_trace.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <stdexcept>
#include <utility>

#include "isa/assembly.hpp"
#include "sim/cost/waiting.hpp"
#include "sim/host/atomic_file.hpp"
#include "sim/trace/trace_events.hpp"

namespace anzan::sim {
namespace {

using models::clocked::Transfer;

constexpr double kMostFemtoseconds = 9e18;

int unit_track(std::size_t unit) { return 10 * static_cast<int>(unit) + 1; }
int queue_track(std::size_t unit) { return 10 * static_cast<int>(unit) + 2; }
const int kArrivals = unit_track(isa::kUnits);

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    lines.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return lines;
}

// A counter's new value, as the JSON object of its series, from a cycle on.
using Levels = std::vector<std::pair<std::int64_t, std::string>>;

class CoreWriter {
 public:
  CoreWriter(TraceEvents& events, const TracedRun& run, int core)
      : events_(events),
        run_(run),
        core_(core),
        program_(run.cores[static_cast<std::size_t>(core)].program),
        timing_(run.cores[static_cast<std::size_t>(core)].timing),
        map_(run.cores[static_cast<std::size_t>(core)].map),
        period_fs_(std::llround(1e6 / run.clock_ghz)) {}

  // `first_flow`: the number of its first arrow between its instructions; those of transfers are numbered
  // from 0 for all cores together. Returns the first number that is free.
  std::size_t write(std::size_t first_flow) {
    check_timing(program_, timing_);
    check_regions(program_, map_);
    pairs_ = handovers(program_, timing_, core_);
    first_flow_ = first_flow;
    tracks();
    instructions();
    arrivals();
    event("i", unit_track(0), timing_.cycles, R"("name":"step barrier","s":"p")");
    bandwidth();
    occupation();
    return first_flow + pairs_.size();
  }

 private:
  TraceEvents::Track track(int number) const { return {core_ + 1, number}; }
  void event(const char* phase, int number, std::int64_t cycle, const std::string& rest) {
    events_.event(phase, track(number), cycle * period_fs_, rest);
  }
  void slice(int number, std::int64_t begin, std::int64_t end, const std::string& rest) {
    events_.slice(track(number), begin * period_fs_, end * period_fs_, rest);
  }

  void tracks() {
    events_.name_process(
        core_ + 1, fmt::format("chip {} core {}", core_ / run_.cores_per_chip, core_ % run_.cores_per_chip));
    events_.name_track(track(unit_track(0)), std::string(isa::name(isa::Unit::kSequencer)));
    for (std::size_t u = isa::unit_number(isa::Unit::kDma); u < isa::kUnits; ++u) {
      const std::string name(isa::name(static_cast<isa::Unit>(u)));
      events_.name_track(track(unit_track(u)), name);
      events_.name_track(track(queue_track(u)), name + " queue");
    }
    if (run_.links != nullptr) events_.name_track(track(kArrivals), "arrivals");
  }

  void instructions() {
    const std::vector<std::string> lines = lines_of(isa::disassemble(program_));
    std::vector<std::vector<std::size_t>> raised(program_.size()), taken(program_.size());
    for (std::size_t k = 0; k < pairs_.size(); ++k) {
      if (pairs_[k].signaller != kOtherCore) raised[pairs_[k].signaller].push_back(k);
      taken[pairs_[k].waiter].push_back(k);
    }
    const std::map<std::size_t, std::size_t> leaving = transfers_of_puts();
    std::array<std::int64_t, isa::kUnits> head_from{};  // when the queue's first place was left
    for (std::size_t i = 0; i < program_.size(); ++i) {
      const std::size_t unit = isa::unit_number(isa::unit(program_[i]));
      const models::InstructionTiming& t = timing_.instructions[i];
      const std::string name = name_of(i);
      if (unit == isa::unit_number(isa::Unit::kSequencer)) {
        event("i", unit_track(unit), t.issued, fmt::format(R"("name":{},"s":"t")", name));
        continue;
      }
      if (const std::int64_t head = std::max(t.issued, head_from[unit]); head < t.started)
        slice(queue_track(unit), head, t.started,
              fmt::format(R"("name":{},"cat":"queue","args":{{{},"queued_cycles":{},"semaphores":[{}]}})",
                          name, place_and_start(i), t.started - t.issued, semaphores(taken[i])));
      head_from[unit] = t.started;
      slice(unit_track(unit), t.started, t.ended,
            fmt::format(R"("name":{},"cat":"instruction","args":{{{},"worked_cycle":{},"ended_cycle":{},)"
                        R"("wait":"{:#x}","signal":"{:#x}","line":{}}})",
                        name, place_and_start(i), t.worked, t.ended, isa::wait(program_[i]),
                        isa::signal(program_[i]), json_string(lines[i])));
      for (const std::size_t k : taken[i])
        if (pairs_[k].signaller != kOtherCore || run_.links != nullptr)
          semaphore("f", unit_track(unit), t.started, k);
      for (const std::size_t k : raised[i]) semaphore("s", unit_track(unit), t.ended, k);
      if (const auto found = leaving.find(i); found != leaving.end())
        put("s", unit_track(unit), t.ended, found->second);
    }
  }

  // The number of the transfer that each put to another core became.
  std::map<std::size_t, std::size_t> transfers_of_puts() const {
    std::map<std::size_t, std::size_t> result;
    if (run_.links == nullptr) return result;
    const std::vector<Transfer>& transfers = run_.links->transfers();
    for (std::size_t k = 0; k < transfers.size(); ++k)
      if (transfers[k].sender == core_) result[transfers[k].put] = k;
    return result;
  }

  void arrivals() {
    if (run_.links == nullptr) return;
    std::map<std::int64_t, std::vector<std::size_t>>
        waited;  // arrows of semaphores by the cycle of the arrival
    for (std::size_t k = 0; k < pairs_.size(); ++k)
      if (pairs_[k].signaller == kOtherCore) waited[pairs_[k].cycle].push_back(k);
    const std::vector<Transfer>& transfers = run_.links->transfers();
    std::size_t arrived = 0;
    for (std::size_t k = 0; k < transfers.size(); ++k) {
      const Transfer& t = transfers[k];
      if (t.receiver != core_) continue;
      if (arrived >= timing_.arrivals.size() || timing_.arrivals[arrived].cycle != t.last_row_cycle)
        throw std::invalid_argument(
            fmt::format("core {}, arrival {}: not that of the recorder", core_, arrived));
      slice(kArrivals, t.first_row_cycle - 1, t.last_row_cycle,
            fmt::format(
                R"("name":"from core {}","cat":"arrival","args":{{"put":{},"rows":{},"signal":"{:#x}"}})",
                t.source, t.put, t.last_row_cycle - t.first_row_cycle + 1,
                timing_.arrivals[arrived].semaphores));
      put("f", kArrivals, t.first_row_cycle - 1, k);
      for (const std::size_t w : waited[t.last_row_cycle]) semaphore("s", kArrivals, t.last_row_cycle, w);
      ++arrived;
    }
  }

  std::string place_and_start(std::size_t i) const {
    const models::InstructionTiming& t = timing_.instructions[i];
    return fmt::format(R"("index":{},"issued_cycle":{},"started_cycle":{})", i, t.issued, t.started);
  }

  std::string name_of(std::size_t i) const {
    const Region& region = map_.regions[map_.of[i]];
    std::string name(isa::info(program_[i]).name);
    for (const std::string& part : {region.layer, region.phase})
      if (!part.empty()) name += " " + part;
    return json_string(name);
  }

  // What raised the semaphores that an instruction took.
  std::string semaphores(const std::vector<std::size_t>& taken) const {
    std::string list;
    for (const std::size_t k : taken) {
      const Handover& pair = pairs_[k];
      const std::string signaller =
          pair.signaller == kOtherCore
              ? R"("unit":"other core")"
              : fmt::format(R"("unit":"{}","index":{})", isa::name(isa::unit(program_[pair.signaller])),
                            pair.signaller);
      list += fmt::format(R"({}{{"semaphore":{},{},"raised_cycle":{}}})", list.empty() ? "" : ",",
                          pair.semaphore, signaller, pair.cycle);
    }
    return list;
  }

  void arrow(const char* phase, int number, std::int64_t cycle, const std::string& what, std::size_t id) {
    event(phase, number, cycle,
          fmt::format(R"({},"id":{}{})", what, id, *phase == 'f' ? R"(,"bp":"e")" : ""));
  }
  void semaphore(const char* phase, int number, std::int64_t cycle, std::size_t pair) {
    arrow(phase, number, cycle,
          fmt::format(R"("name":"semaphore {}","cat":"semaphore")", pairs_[pair].semaphore),
          first_flow_ + pair);
  }
  void put(const char* phase, int number, std::int64_t cycle, std::size_t transfer) {
    arrow(phase, number, cycle, R"("name":"put","cat":"put")", transfer);
  }

  void counter(const std::string& name, const Levels& levels) {
    for (std::size_t k = 0; k < levels.size(); ++k)
      if (k + 1 == levels.size() || levels[k + 1].first != levels[k].first)
        event("C", 0, levels[k].first, fmt::format(R"("name":"{}","args":{{{}}})", name, levels[k].second));
  }

  void bandwidth() {
    Levels levels{{0, R"("read":0,"write":0)"}};
    for (std::size_t i = 0; i < program_.size(); ++i) {
      const HbmBytes bytes = hbm_bytes(program_[i], run_.lanes);
      const models::InstructionTiming& t = timing_.instructions[i];
      if (bytes.read + bytes.written == 0 || t.ended == t.started) continue;
      const auto rate = [&](std::int64_t n) {
        return static_cast<double>(n) * run_.clock_ghz / static_cast<double>(t.ended - t.started);
      };
      levels.emplace_back(t.started,
                          fmt::format(R"("read":{},"write":{})", rate(bytes.read), rate(bytes.written)));
      levels.emplace_back(t.ended, R"("read":0,"write":0)");
    }
    counter("HBM GB/s", levels);
  }

  void occupation() {
    using Deltas = std::vector<std::pair<std::int64_t, int>>;
    Deltas busy;
    std::array<Deltas, isa::kUnits> queued;
    for (std::size_t i = 0; i < program_.size(); ++i) {
      const std::size_t unit = isa::unit_number(isa::unit(program_[i]));
      const models::InstructionTiming& t = timing_.instructions[i];
      if (unit == isa::unit_number(isa::Unit::kSequencer)) continue;
      busy.insert(busy.end(), {{t.started, 1}, {t.ended, -1}});
      queued[unit].insert(queued[unit].end(), {{t.issued, 1}, {t.started, -1}});
    }
    const auto write = [&](const std::string& name, const char* series, Deltas& deltas) {
      std::sort(deltas.begin(), deltas.end());
      Levels levels{{0, fmt::format(R"("{}":0)", series)}};
      int value = 0;
      for (const auto& [cycle, delta] : deltas)
        levels.emplace_back(cycle, fmt::format(R"("{}":{})", series, value += delta));
      counter(name, levels);
    };
    write("units busy", "units", busy);
    for (std::size_t u = isa::unit_number(isa::Unit::kDma); u < isa::kUnits; ++u)
      write(std::string(isa::name(static_cast<isa::Unit>(u))) + " queued", "instructions", queued[u]);
  }

  TraceEvents& events_;
  const TracedRun& run_;
  int core_;
  const isa::Program& program_;
  const models::ProgramTiming& timing_;
  const RegionMap& map_;
  std::int64_t period_fs_;
  std::vector<Handover> pairs_;
  std::size_t first_flow_ = 0;
};

void write_links(TraceEvents& events, const TracedRun& run, int process) {
  events.name_process(process, "links");
  const std::vector<models::Link>& links = run.network->topology.links();
  for (std::size_t l = 0; l < links.size(); ++l) {
    const std::vector<LinkRecorder::Slice>& slices = run.links->links().at(l);
    if (slices.empty()) continue;
    const TraceEvents::Track track{process, static_cast<int>(l) + 1};
    events.name_track(track, fmt::format("{} -> {} {}", links[l].from, links[l].to,
                                         run.network->onchip[l] ? "on chip" : "between chips"));
    for (const LinkRecorder::Slice& s : slices)
      events.slice(
          track, s.begin_fs, s.end_fs,
          fmt::format(
              R"("name":"{}","cat":"link","args":{{"busy_fs":{},"bytes":{},"packets":{},"trains":{}}})",
              s.trains == 1 ? fmt::format("core {} to {}", s.source, s.destination)
                            : fmt::format("{} trains", s.trains),
              s.busy_fs, s.bytes, s.packets, s.trains));
  }
}

void check(const TracedRun& run) {
  for (const TracedCore& core : run.cores)
    if (!(run.clock_ghz > 0) ||
        static_cast<double>(core.timing.cycles) * 1e6 / run.clock_ghz > kMostFemtoseconds)
      throw std::invalid_argument(
          fmt::format("trace of {} cycles: found a clock of {} GHz", core.timing.cycles, run.clock_ghz));
}

}  // namespace

std::string chrome_trace(const TracedRun& run) {
  check(run);
  std::int64_t cycles = 0;
  for (const TracedCore& core : run.cores) cycles = std::max(cycles, core.timing.cycles);
  TraceEvents events(fmt::format(
      R"("clock_ghz":{},"cycles":{},"hbm":"bytes of each copy spread evenly over its duration","link_gap_fs":{})",
      run.clock_ghz, cycles, run.links != nullptr ? run.links->gap_fs() : -1));
  std::size_t flows = run.links != nullptr ? run.links->transfers().size() : 0;
  for (std::size_t c = 0; c < run.cores.size(); ++c)
    flows = CoreWriter(events, run, static_cast<int>(c)).write(flows);
  if (run.links != nullptr) write_links(events, run, static_cast<int>(run.cores.size()) + 1);
  return std::move(events).text();
}

void write_chrome_trace(const std::filesystem::path& file, const TracedRun& run) {
  write_file_atomically(file, chrome_trace(run));
}

}  // namespace anzan::sim
