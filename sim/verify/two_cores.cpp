// Two cores of one chip. What the RTL cores do is limited in time by what the models take.
#include "sim/verify/two_cores.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "isa/assembly.hpp"
#include "sim/engines/cycle_engine.hpp"
#include "sim/engines/functional_engine.hpp"
#include "sim/engines/rtl_engine.hpp"
#include "sim/host/atomic_file.hpp"
#include "sim/verify/comparison.hpp"
#include "sim/verify/numbered_core.hpp"
#include "sim/verify/random_core.hpp"
#include "sim/verify/random_program.hpp"
#include "sim/verify/save_file.hpp"

namespace anzan::sim {
namespace {

using models::clocked::CoreParameters;
using models::clocked::SystemTiming;
using Programs = std::array<isa::Program, 2>;
constexpr int kCores = 2;
constexpr std::uint64_t kMostInstructionsBefore = 8;  // of each of the two short programs before them

SystemOptions two_on_a_chip() {
  const models::LinkPreset link = models::link_preset("on_chip");
  SystemOptions o;
  o.cores_per_chip = o.network.cores = kCores;
  o.network.onchip = link.link;
  o.packet = link.packet;
  o.network.chips.kind = "ring";
  o.network.chips.sizes = {1};
  o.network.chips.link = models::link_preset("tofu2").link;
  o.parameters.exchange.dimensions = {kCores};
  return o;
}

// The two cores of one engine, and what they leave.
struct Pair {
  Pair(const Programs& programs, std::uint64_t seed, const RandomProgramShape& shape)
      : cores(kCores, {shape.lanes, shape.scratchpad_lines * 4 * shape.lanes / 1024}, shape.hbm_lines, 1) {
    for (int c = 0; c < kCores; ++c) {
      const isa::Program& program = programs[static_cast<std::size_t>(c)];
      randomise(cores.core(c), seed + static_cast<std::uint64_t>(c), shape, program);
      loaded.push_back(cores.executor(c).load(isa::encode(program)));
    }
  }
  void run(Engine& engine) { timing = engine.run(loaded, cores); }

  Cores cores;
  std::vector<LoadedProgram> loaded;
  std::optional<SystemTiming> timing;
};

std::string compare_arrivals(const std::vector<models::Arrival>& rtl,
                             const std::vector<models::Arrival>& model) {
  for (std::size_t k = 0; k < std::min(rtl.size(), model.size()); ++k) {
    if (rtl[k].cycle == model[k].cycle && rtl[k].semaphores == model[k].semaphores) continue;
    return fmt::format("network unit, arrival {}: RTL 0x{:08x} in cycle {}, model 0x{:08x} in {}", k,
                       rtl[k].semaphores, rtl[k].cycle, model[k].semaphores, model[k].cycle);
  }
  if (rtl.size() == model.size()) return {};
  return fmt::format("network unit: RTL has {} arrivals, model {}", rtl.size(), model.size());
}

// Both cores of the RTL, and what is watched of them beside what an engine hands on: what their blocks do,
// and the memories of slots that no program names.
class Watched final : public NumberedCore {
 public:
  Watched(std::unique_ptr<RtlCore> core, const RandomProgramShape& shape)
      : NumberedCore(std::move(core), {shape.numbers.begin(), shape.numbers.end()}) {}
  void begin(const isa::Program& program, models::Core& core) override {
    before_ = state();
    NumberedCore::begin(program, core);
  }
  void store(models::Core& core, SlotRange slots) override {
    difference_ = compare_states(before_, state(), slots);
    NumberedCore::store(core, slots);
  }
  const std::string& difference() const { return difference_; }

 private:
  std::vector<std::vector<std::uint32_t>> before_;
  std::string difference_;
};

// Runs pairs of programs one after the other on three engines.
class PairVerifier {
 public:
  PairVerifier(const VerifyOptions& options, const VerifySubjects& subjects, std::uint64_t seed,
               const RandomProgramShape& shape)
      : options_(options),
        seed_(seed),
        shape_(shape),
        slots_{shape.first_slot, shape.slots},
        cycle_engine_(parameters(subjects.model), two_on_a_chip()),
        rtl_engine_(
            parameters({}), two_on_a_chip(), slots_.first + slots_.count, [&](const CoreParameters& p) {
              constexpr std::uint64_t kSeeds = 0x7fffffff;
              auto core =
                  std::make_unique<Watched>(subjects.rtl(p, static_cast<int>(1 + seed % kSeeds)), shape);
              watched_.push_back(core.get());
              return core;
            }) {
    for (int c = 0; c < kCores; ++c) {
      cycle_engine_.log(c, &expected_logs_[static_cast<std::size_t>(c)]);
      rtl_engine_.log(c, &logs_[static_cast<std::size_t>(c)]);
    }
  }

  void wave(const std::string& prefix) { rtl_engine_.wave(prefix); }
  std::int64_t cycles() const { return cycles_; }  // of the last pair, as the models count them

  // The first core that differs, and how; or nothing.
  std::string compare(const Programs& programs) {
    constexpr std::int64_t kPatienceCycles = 1000;
    logs_ = expected_logs_ = {};
    Pair cycle(programs, seed_, shape_), functional(programs, seed_, shape_), rtl(programs, seed_, shape_);
    cycle.run(cycle_engine_);
    FunctionalEngine functional_engine;
    functional.run(functional_engine);
    cycles_ = cycle.timing->cycles();
    rtl_engine_.limit(2 * cycles_ + kPatienceCycles);
    try {
      rtl.run(rtl_engine_);
    } catch (const std::logic_error& error) {
      return fmt::format("two cores: {}", error.what());
    }
    for (int c = 0; c < kCores; ++c) {
      const std::string found = compare_core(programs, c, rtl, cycle, functional);
      if (!found.empty()) return fmt::format("core {} of two: {}", c, found);
    }
    note(programs);
    return {};
  }

 private:
  CoreParameters parameters(CoreParameters p) const {
    p.lanes = options_.lanes;
    p.hbm = shape_.hbm;
    return p;
  }

  std::string compare_core(const Programs& programs, int core, Pair& rtl, Pair& cycle, Pair& functional) {
    const auto n = static_cast<std::size_t>(core);
    const models::ProgramTiming &r = rtl.timing->cores[n], &m = cycle.timing->cores[n];
    std::string found = compare_cycles(programs[n], r, m);
    if (found.empty()) found = compare_arrivals(r.arrivals, m.arrivals);
    expected_logs_[n].settings = settings_writes(programs[n], m);
    if (found.empty()) found = compare_logs(logs_[n], expected_logs_[n]);
    if (found.empty()) found = compare_values(rtl, cycle, core);
    if (found.empty()) found = compare_values(rtl, functional, core);
    return found.empty() ? watched_[n]->difference() : found;
  }
  std::string compare_values(Pair& rtl, Pair& model, int core) const {
    const auto& requests = logs_[static_cast<std::size_t>(core)].requests;
    std::string found = compare_memories(rtl.cores.core(core), model.cores.core(core), requests);
    return found.empty() ? compare_slots(rtl.cores.core(core), model.cores.core(core), slots_) : found;
  }

  void note(const Programs& programs) const {
    if (options_.coverage == nullptr) return;
    RandomProgramShape of_core = shape_;
    for (int c = 0; c < kCores; ++c) {
      const auto n = static_cast<std::size_t>(c);
      of_core.core = c;
      options_.coverage->note(of_core, programs[n], expected_logs_[n]);
    }
  }

  const VerifyOptions& options_;
  std::uint64_t seed_;
  const RandomProgramShape& shape_;
  SlotRange slots_;
  std::vector<const Watched*> watched_;
  std::array<models::BlockLog, kCores> logs_, expected_logs_;
  CycleEngine cycle_engine_;
  RtlEngine rtl_engine_;
  std::int64_t cycles_ = 0;
};

}  // namespace

ProgramVerdict judge_two(const VerifyOptions& options, const VerifySubjects& subjects, std::uint64_t seed,
                         const RandomProgramShape& shape) {
  RandomProgramShape short_shape = shape;
  short_shape.instructions = static_cast<int>(seed % kMostInstructionsBefore);
  const Programs programs = random_programs_of_two(seed, shape),
                 before = random_programs_of_two(~seed, short_shape);
  const auto judge = [&](const std::string& waves) {
    PairVerifier verifier(options, subjects, seed, shape);
    if (!waves.empty()) verifier.wave(waves);
    std::string difference = verifier.compare(before);
    if (!difference.empty()) {
      difference = "in the short programs before them, " + difference;
    } else {
      difference = verifier.compare(programs);
    }
    return ProgramVerdict{seed, verifier.cycles(), difference};
  };
  const ProgramVerdict verdict = judge({});
  if (options.waves.empty() || (verdict.difference.empty() && !options.all_waves)) return verdict;
  const std::string name = fmt::format("{}/seed_{}", options.waves, seed);
  judge(name);
  for (int c = 0; c < kCores; ++c) {
    const std::string of_core = fmt::format("{}_core_{}", name, c);
    write_file_atomically(of_core + ".gtkw", save_file(of_core + ".fst"));
  }
  return verdict;
}

}  // namespace anzan::sim
