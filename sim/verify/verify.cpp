// See verify.hpp.
#include "sim/verify/verify.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <stdexcept>
#include <tuple>

#include "isa/assembly.hpp"
#include "models/clocked/core.hpp"
#include "sim/engines/executor.hpp"
#include "sim/rtl/core.hpp"
#include "sim/rtl/host_words.hpp"
#include "sim/verify/random_draw.hpp"
#include "sim/verify/random_program.hpp"

namespace anzan::sim {
namespace {

std::string block_of(const isa::Instruction& instruction) {
  return std::string(isa::name(isa::unit(instruction))) + " unit";
}

// Where a program's last instruction did its work.
std::string place(const isa::Program& program, const models::ProgramTiming& timing) {
  const std::size_t last = program.size() - 2;
  return fmt::format("after instruction {} ({}, cycles {} to {}): {}", last, block_of(program[last]),
                     timing.instructions[last].started, timing.instructions[last].ended,
                     isa::disassemble({program[last]}));
}

class Verifier {
 public:
  Verifier(const VerifyOptions& options, const VerifySubjects& subjects)
      : options_(options), subjects_(subjects), clock_(parameters(subjects.model, options)) {
    shape_.lanes = options.lanes;
    shape_.instructions = options.instructions;
  }

  // The RTL powers up with random bits and runs another, short program first, so that neither may matter.
  ProgramVerdict judge(std::uint64_t seed) {
    seed_ = seed;
    shape_.first_slot = static_cast<int>(Draw(seed).between(0, isa::kSlots - shape_.slots));
    RandomProgramShape short_shape = shape_;
    short_shape.instructions = kInstructionsBefore;
    const isa::Program program = random_program(seed, shape_), before = random_program(~seed, short_shape);
    ProgramVerdict verdict{seed, clock_.run(program).cycles, {}};
    power_up();
    std::string difference = compare(before);
    if (!difference.empty()) {
      if (options_.shorten) difference = shortest(before, nullptr);
      verdict.difference = "in the short program before it, " + difference;
    } else if (difference = compare(program); !difference.empty()) {
      verdict.difference = options_.shorten ? shortest(program, &before) : difference;
    }
    return verdict;
  }

 private:
  static models::clocked::CoreParameters parameters(models::clocked::CoreParameters p,
                                                    const VerifyOptions& options) {
    p.lanes = options.lanes;
    return p;
  }

  models::Core fresh() const {
    const std::int64_t kib = shape_.scratchpad_lines * 4 * shape_.lanes / 1024;
    models::Core core(shape_.lanes, kib, shape_.hbm_lines);
    randomise(core, seed_, shape_);
    return core;
  }

  void power_up() {
    constexpr std::uint64_t kSeeds = 0x7fffffff;
    rtl_ = subjects_.rtl(parameters({}, options_), static_cast<int>(1 + seed_ % kSeeds));
  }

  // What differs, or nothing.
  std::string compare(const isa::Program& program) {
    models::Core values = fresh(), rtl = fresh();
    Executor executor(values, 1);
    LoadedProgram loaded = executor.load(isa::encode(program));
    executor.run(loaded);
    const models::ProgramTiming expected = clock_.run(program);
    const SlotRange slots{shape_.first_slot, shape_.slots};
    std::string cycles;
    try {
      rtl_->load(rtl, slots);
      const std::int64_t last = run(program, rtl, 2 * expected.cycles + kPatienceCycles);
      cycles = compare_cycles(program, rtl_->timing(last), expected);
      rtl_->store(rtl, slots);
    } catch (const std::logic_error& error) {
      return cycles.empty() ? error.what() : cycles;
    }
    if (!cycles.empty()) return cycles;
    const std::string difference = compare_values(rtl, values);
    if (options_.coverage != nullptr && difference.empty())
      options_.coverage->note(program, fresh(), values, expected, slots);
    return difference;
  }

  // Its last cycle.
  std::int64_t run(const isa::Program& program, models::Core& core, std::int64_t most_cycles) {
    rtl_->begin(program, core);
    std::int64_t last = 0;
    while (!rtl_->cycle(last)) {
      if (++last == most_cycles) throw std::logic_error(standstill(program, rtl_->timing(last)));
    }
    return last;
  }

  // The first instruction that did not end, of those that the sequencer has started.
  static std::string standstill(const isa::Program& program, const models::ProgramTiming& timing) {
    for (std::size_t i = 0; i + 1 < program.size(); ++i) {
      const models::InstructionTiming& t = timing.instructions[i];
      if (t.started >= 0 && t.ended < 0)
        return fmt::format("{}, instruction {}: RTL started in cycle {} and has not ended in cycle {}",
                           block_of(program[i]), i, t.started, timing.cycles - 1);
    }
    return fmt::format("sequencer: RTL has neither started another instruction nor ended in cycle {}",
                       timing.cycles - 1);
  }

  // The difference that is first in time, as the others may follow from it. A unit answers for its ends,
  // the sequencer for the rest.
  static std::string compare_cycles(const isa::Program& program, const models::ProgramTiming& rtl,
                                    const models::ProgramTiming& model) {
    std::string first;
    std::int64_t earliest = std::numeric_limits<std::int64_t>::max();
    for (std::size_t i = 0; i + 1 < program.size(); ++i) {
      const models::InstructionTiming &r = rtl.instructions[i], &m = model.instructions[i];
      for (const auto& [what, a, b] :
           {std::tuple("ended", r.ended, m.ended), std::tuple("started", r.started, m.started),
            std::tuple("issued", r.issued, m.issued)}) {
        if (a == b || std::min(a, b) >= earliest) continue;
        earliest = std::min(a, b);
        first = fmt::format("{}, instruction {} ({}): RTL {} in cycle {}, model in {}",
                            std::string(what) == "ended" ? block_of(program[i]) : "sequencer", i,
                            block_of(program[i]), what, a, b);
      }
    }
    if (!first.empty() || rtl.cycles == model.cycles) return first;
    return fmt::format("sequencer: RTL ends after {} cycles, model after {}", rtl.cycles, model.cycles);
  }

  std::string compare_values(const models::Core& rtl, const models::Core& model) const {
    for (const isa::Space space : {isa::Space::kScratchpad, isa::Space::kHbm}) {
      const std::int64_t bytes = model.lines(space) * model.line_bytes();
      const auto [a, b] = std::mismatch(rtl.bytes(space), rtl.bytes(space) + bytes, model.bytes(space));
      if (a == rtl.bytes(space) + bytes) continue;
      const std::int64_t at = a - rtl.bytes(space);
      return fmt::format("{} line {}, byte {}: RTL 0x{:02x}, model 0x{:02x}", isa::name(space),
                         at / model.line_bytes(), at % model.line_bytes(), *a, *b);
    }
    for (int s = shape_.first_slot; s < shape_.first_slot + shape_.slots; ++s) {
      std::string difference =
          compare_words(fmt::format("settings store, slot {}, word", s), isa::pack(rtl.settings.slot(s)),
                        isa::pack(model.settings.slot(s)));
      if (difference.empty())
        difference =
            compare_words(fmt::format("statistics database, slot {}, counter of the window", s),
                          counter_words(rtl.statistics.window(s)), counter_words(model.statistics.window(s)));
      if (difference.empty())
        difference =
            compare_words(fmt::format("statistics database, slot {}, counter of the total", s),
                          counter_words(rtl.statistics.total(s)), counter_words(model.statistics.total(s)));
      if (!difference.empty()) return difference;
    }
    return {};
  }

  template <class Words>
  static std::string compare_words(const std::string& what, const Words& rtl, const Words& model) {
    const auto [a, b] = std::mismatch(rtl.begin(), rtl.end(), model.begin());
    if (a == rtl.end()) return {};
    return fmt::format("{} {}: RTL 0x{:08x}, model 0x{:08x}", what, a - rtl.begin(), *a, *b);
  }

  // The shortest beginning that differs names the instruction, and so the block. What a beginning waits for,
  // it also raises.
  std::string shortest(const isa::Program& program, const isa::Program* before) {
    for (std::size_t length = 1; length < program.size(); ++length) {
      isa::Program beginning(program.begin(), program.begin() + static_cast<std::ptrdiff_t>(length));
      beginning.push_back(isa::End{});
      const std::string difference = compare_afresh(beginning, before);
      if (!difference.empty())
        return fmt::format("{}\n  {}", difference, place(beginning, clock_.run(beginning)));
    }
    return compare_afresh(program, before);
  }

  std::string compare_afresh(const isa::Program& program, const isa::Program* before) {
    power_up();
    if (before != nullptr) compare(*before);
    return compare(program);
  }

  static constexpr int kInstructionsBefore = 5;
  static constexpr std::int64_t kPatienceCycles = 1000;
  VerifyOptions options_;
  const VerifySubjects& subjects_;
  RandomProgramShape shape_;
  models::clocked::ClockedCore clock_;
  std::unique_ptr<RtlCore> rtl_;
  std::uint64_t seed_ = 0;
};

std::string escaped(const std::string& text) {
  std::string xml;
  for (const char c : text) {
    switch (c) {
      case '&':
        xml += "&amp;";
        break;
      case '<':
        xml += "&lt;";
        break;
      case '>':
        xml += "&gt;";
        break;
      case '"':
        xml += "&quot;";
        break;
      default:
        xml += c;
    }
  }
  return xml;
}

}  // namespace

std::vector<ProgramVerdict> verify(const VerifyOptions& options,
                                   const std::function<void(const ProgramVerdict&)>& done,
                                   const VerifySubjects& subjects) {
  Verifier verifier(options, subjects);
  std::vector<ProgramVerdict> verdicts;
  for (int k = 0; k < options.programs; ++k) {
    verdicts.push_back(verifier.judge(options.seed + static_cast<std::uint64_t>(k)));
    if (done) done(verdicts.back());
    if (options.stop && !verdicts.back().difference.empty()) break;
  }
  return verdicts;
}

std::string repeat_command(const VerifyOptions& options, const ProgramVerdict& verdict) {
  return fmt::format("anzan verify --lanes {} --instructions {} --seed {} --programs 1", options.lanes,
                     options.instructions, verdict.seed);
}

std::string junit(const VerifyOptions& options, const std::vector<ProgramVerdict>& verdicts, double seconds) {
  const auto failures = std::count_if(verdicts.begin(), verdicts.end(),
                                      [](const ProgramVerdict& v) { return !v.difference.empty(); });
  std::string xml = fmt::format(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"anzan verify, {} lanes\" tests=\"{}\" "
      "failures=\"{}\" "
      "time=\"{:.3f}\">\n",
      options.lanes, verdicts.size(), failures, seconds);
  for (const ProgramVerdict& v : verdicts) {
    xml += fmt::format("  <testcase classname=\"verify\" name=\"seed {}\"", v.seed);
    xml += v.difference.empty() ? "/>\n"
                                : fmt::format("><failure message=\"{}\">{}</failure></testcase>\n",
                                              escaped(repeat_command(options, v)), escaped(v.difference));
  }
  return xml + "</testsuite>\n";
}

}  // namespace anzan::sim
