// Runs a program on RTL that has just powered up, and shortens one that differs until its last instruction is
// the one to blame.
#include "sim/verify/verify.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <stdexcept>

#include "isa/assembly.hpp"
#include "models/clocked/core.hpp"
#include "sim/engines/executor.hpp"
#include "sim/host/atomic_file.hpp"
#include "sim/rtl/core.hpp"
#include "sim/verify/comparison.hpp"
#include "sim/verify/numbered_core.hpp"
#include "sim/verify/random_core.hpp"
#include "sim/verify/random_program.hpp"
#include "sim/verify/save_file.hpp"
#include "sim/verify/two_cores.hpp"

namespace anzan::sim {
namespace {

// Where a program's last instruction did its work.
std::string place(const isa::Program& program, const models::ProgramTiming& timing) {
  if (program.size() < 2) return fmt::format("in a program without instructions, {} cycles", timing.cycles);
  const std::size_t last = program.size() - 2;
  return fmt::format("after instruction {} ({}, cycles {} to {}): {}", last, block_of(program[last]),
                     timing.instructions[last].started, timing.instructions[last].ended,
                     isa::disassemble({program[last]}));
}

class Verifier {
 public:
  Verifier(const VerifyOptions& options, const VerifySubjects& subjects)
      : options_(options), subjects_(subjects) {}

  // The RTL powers up with random bits and runs another, short program first, so that neither may matter.
  ProgramVerdict judge(std::uint64_t seed) {
    seed_ = seed;
    shape_ = random_shape(seed, options_.lanes, options_.instructions);
    if (shape_.profile == Profile::kTwoCores) return judge_two(options_, subjects_, seed, shape_);
    clock_.emplace(parameters(subjects_.model));
    clock_->log(&expected_log_);
    RandomProgramShape short_shape = shape_;
    short_shape.instructions = static_cast<int>(seed % kMostInstructionsBefore);
    short_shape.profile = Profile::kUsual;
    const isa::Program program = random_program(seed, shape_), before = random_program(~seed, short_shape);
    ProgramVerdict verdict{seed, clock_->run(program).cycles, {}};
    power_up();
    std::string difference = compare(before);
    if (!difference.empty()) {
      if (options_.shorten) difference = shortest(before, nullptr);
      verdict.difference = "in the short program before it, " + difference;
    } else if (difference = compare(program); !difference.empty()) {
      verdict.difference = options_.shorten ? shortest(program, &before) : difference;
    } else if (options_.all_waves) {
      show(program, &before);
    }
    return verdict;
  }

 private:
  models::clocked::CoreParameters parameters(models::clocked::CoreParameters p) const {
    p.lanes = options_.lanes;
    p.hbm = shape_.hbm;
    return p;
  }

  models::Core fresh(const isa::Program& program) const {
    const std::int64_t kib = shape_.scratchpad_lines * 4 * shape_.lanes / 1024;
    models::Core core(shape_.lanes, kib, shape_.hbm_lines, shape_.first_slot + shape_.slots);
    randomise(core, seed_, shape_, program);
    return core;
  }

  void power_up() {
    constexpr std::uint64_t kSeeds = 0x7fffffff;
    rtl_ = std::make_unique<NumberedCore>(subjects_.rtl(parameters({}), static_cast<int>(1 + seed_ % kSeeds)),
                                          std::vector<int>{shape_.numbers[0]});
  }

  // What differs, or nothing.
  std::string compare(const isa::Program& program) {
    models::Core values = fresh(program), rtl = fresh(program);
    Executor executor(values, 1);
    LoadedProgram loaded = executor.load(isa::encode(program));
    executor.run(loaded);
    expected_log_ = {};
    const models::ProgramTiming expected = clock_->run(program);
    expected_log_.settings = settings_writes(program, expected);
    const SlotRange slots{shape_.first_slot, shape_.slots};
    std::string cycles, others;
    try {
      rtl_->load(rtl, slots);
      const auto state = rtl_->state();
      const std::int64_t last = run(program, rtl, 2 * expected.cycles + kPatienceCycles);
      cycles = compare_cycles(program, rtl_->timing(last), expected);
      others = compare_states(state, rtl_->state(), slots);
      rtl_->store(rtl, slots);
    } catch (const std::logic_error& error) {
      return cycles.empty() ? error.what() : cycles;
    }
    if (!cycles.empty()) return cycles;
    std::string difference = compare_logs(log_, expected_log_);
    if (difference.empty()) difference = compare_memories(rtl, values, log_.requests);
    if (difference.empty()) difference = compare_slots(rtl, values, slots);
    if (difference.empty()) difference = others;
    if (options_.coverage != nullptr && difference.empty()) {
      options_.coverage->note(program, fresh(program), values, expected, slots);
      options_.coverage->note(shape_, program, expected_log_);
    }
    return difference;
  }

  // Its last cycle.
  std::int64_t run(const isa::Program& program, models::Core& core, std::int64_t most_cycles) {
    log_ = {};
    rtl_->log(&log_);
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

  // A beginning that differs although the one without its last instruction does not names the instruction,
  // and so the block; mostly it is the shortest. What a beginning waits for, it also raises.
  std::string shortest(const isa::Program& program, const isa::Program* before) {
    std::size_t same = 0, differs = program.size() - 1;
    std::string difference;
    while (differs - same > 1 || difference.empty()) {
      const std::size_t length = differs - same > 1 ? same + (differs - same) / 2 : differs;
      const std::string found = compare_afresh(beginning(program, length), before);
      if (found.empty() && length == differs) {
        show(program, before);
        return compare_afresh(program, before);
      }
      if (!found.empty()) difference = found;
      (found.empty() ? same : differs) = length;
    }
    const isa::Program found = beginning(program, differs);
    show(found, before);
    return fmt::format("{}\n  {}", difference, place(found, clock_->run(found)));
  }
  static isa::Program beginning(const isa::Program& program, std::size_t length) {
    isa::Program some(program.begin(), program.begin() + static_cast<std::ptrdiff_t>(length));
    some.push_back(isa::End{});
    return some;
  }

  std::string compare_afresh(const isa::Program& program, const isa::Program* before) {
    power_up();
    if (before != nullptr) compare(*before);
    return compare(program);
  }

  // Once more, with its waveform where one is asked for.
  void show(const isa::Program& program, const isa::Program* before) {
    if (options_.waves.empty()) return;
    power_up();
    const std::string name = fmt::format("{}/seed_{}", options_.waves, seed_);
    rtl_->wave(name + ".fst");
    if (before != nullptr) compare(*before);
    compare(program);
    rtl_.reset();
    write_file_atomically(name + ".gtkw", save_file(name + ".fst"));
  }

  static constexpr std::uint64_t kMostInstructionsBefore = 8;
  static constexpr std::int64_t kPatienceCycles = 1000;
  VerifyOptions options_;
  const VerifySubjects& subjects_;
  RandomProgramShape shape_;
  std::optional<models::clocked::ClockedCore> clock_;
  models::BlockLog log_, expected_log_;
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
