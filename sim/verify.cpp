// See verify.hpp.
#include "sim/verify.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "compiler/dependencies.hpp"
#include "compiler/semaphores.hpp"
#include "isa/assembly.hpp"
#include "models/clocked/core.hpp"
#include "sim/functional_engine.hpp"
#include "sim/random_program.hpp"
#include "sim/rtl_core.hpp"

namespace anzan::sim {
namespace {

std::string block_of(const isa::Instruction& instruction) {
  return std::string(isa::name(isa::unit(instruction))) + " unit";
}

class Verifier {
 public:
  explicit Verifier(const VerifyOptions& options)
      : clock_(parameters(options)), rtl_(make_rtl_core(parameters(options))) {
    shape_.lanes = options.lanes;
    shape_.instructions = options.instructions;
  }

  ProgramVerdict judge(std::uint64_t seed) {
    seed_ = seed;
    const isa::Program program = random_program(seed, shape_);
    ProgramVerdict verdict{seed, clock_.run(program).cycles, compare(program)};
    if (!verdict.difference.empty()) verdict.difference = shortest(program);
    return verdict;
  }

 private:
  static models::clocked::CoreParameters parameters(const VerifyOptions& options) {
    models::clocked::CoreParameters p;
    p.lanes = options.lanes;
    return p;
  }

  models::Core fresh() const {
    const std::int64_t kib = shape_.scratchpad_lines * 4 * shape_.lanes / 1024;
    models::Core core(shape_.lanes, kib, shape_.hbm_lines);
    randomise(core, seed_, shape_);
    return core;
  }

  // What differs, or nothing.
  std::string compare(const isa::Program& program) {
    models::Core values = fresh(), rtl = fresh();
    FunctionalEngine engine(values, 1);
    LoadedProgram loaded = engine.load(isa::encode(program));
    engine.run(loaded);
    const models::ProgramTiming expected = clock_.run(program);
    rtl_->load(rtl, shape_.slots);
    rtl_->begin(program, rtl);
    std::int64_t last = 0;
    while (!rtl_->cycle(last)) ++last;
    const models::ProgramTiming found = rtl_->timing(last);
    rtl_->store(rtl, shape_.slots);
    const std::string cycles = compare_cycles(program, found, expected);
    return cycles.empty() ? compare_values(rtl, values) : cycles;
  }

  static std::string compare_cycles(const isa::Program& program, const models::ProgramTiming& rtl,
                                    const models::ProgramTiming& model) {
    for (std::size_t i = 0; i + 1 < program.size(); ++i) {
      const models::InstructionTiming &r = rtl.instructions[i], &m = model.instructions[i];
      for (const auto& [what, a, b] :
           {std::tuple("issued", r.issued, m.issued), std::tuple("started", r.started, m.started),
            std::tuple("ended", r.ended, m.ended)}) {
        if (a != b)
          return fmt::format("{}, instruction {}: RTL {} in cycle {}, model in {}", block_of(program[i]), i,
                             what, a, b);
      }
    }
    if (rtl.cycles == model.cycles) return {};
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
    for (int s = 0; s < shape_.slots; ++s) {
      if (rtl.settings.slot(s) != model.settings.slot(s))
        return fmt::format(
            "settings store, slot {}: RTL q_read {}, q_write {}, model {}, {} (or the optimiser's state)", s,
            rtl.settings.slot(s).q_read, rtl.settings.slot(s).q_write, model.settings.slot(s).q_read,
            model.settings.slot(s).q_write);
      if (rtl.statistics.window(s) != model.statistics.window(s) ||
          rtl.statistics.total(s) != model.statistics.total(s))
        return fmt::format(
            "statistics database, slot {}: RTL {} values in the window and {} in total, model {} and {}", s,
            rtl.statistics.window(s).values, rtl.statistics.total(s).values,
            model.statistics.window(s).values, model.statistics.total(s).values);
    }
    return {};
  }

  // The shortest beginning that differs names the instruction, and so the block.
  std::string shortest(const isa::Program& program) {
    for (std::size_t length = 1; length < program.size(); ++length) {
      isa::Program beginning(program.begin(), program.begin() + static_cast<std::ptrdiff_t>(length));
      beginning.push_back(isa::End{});
      compiler::add_semaphores(beginning, compiler::dependencies(beginning, shape_.lanes));
      const std::string difference = compare(beginning);
      if (difference.empty()) continue;
      return fmt::format("{}\n  after instruction {} ({}): {}", difference, length - 1,
                         block_of(program[length - 1]), isa::disassemble({beginning[length - 1]}));
    }
    return compare(program);
  }

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
                                   const std::function<void(const ProgramVerdict&)>& done) {
  Verifier verifier(options);
  std::vector<ProgramVerdict> verdicts;
  for (int k = 0; k < options.programs; ++k) {
    verdicts.push_back(verifier.judge(options.seed + static_cast<std::uint64_t>(k)));
    if (done) done(verdicts.back());
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
