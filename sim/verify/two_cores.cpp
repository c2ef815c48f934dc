// Two cores of one chip. What the RTL cores do is limited in time by what the models take.
#include "sim/verify/two_cores.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "isa/assembly.hpp"
#include "sim/engines/cycle_engine.hpp"
#include "sim/engines/functional_engine.hpp"
#include "sim/engines/rtl_engine.hpp"
#include "sim/verify/comparison.hpp"
#include "sim/verify/random_core.hpp"
#include "sim/verify/random_program.hpp"

namespace anzan::sim {
namespace {

using models::clocked::CoreParameters;
using models::clocked::SystemTiming;
using Programs = std::array<isa::Program, 2>;
constexpr int kCores = 2;

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

std::string compare_values(Pair& rtl, Pair& model, int core, SlotRange slots) {
  std::string found = compare_memories(rtl.cores.core(core), model.cores.core(core), {});
  return found.empty() ? compare_slots(rtl.cores.core(core), model.cores.core(core), slots) : found;
}

// The first core that differs, and how.
std::string compare_pairs(const Programs& programs, Pair& rtl, Pair& cycle, Pair& functional,
                          SlotRange slots) {
  for (int c = 0; c < kCores; ++c) {
    const auto n = static_cast<std::size_t>(c);
    const models::ProgramTiming &r = rtl.timing->cores[n], &m = cycle.timing->cores[n];
    std::string found = compare_cycles(programs[n], r, m);
    if (found.empty()) found = compare_arrivals(r.arrivals, m.arrivals);
    if (found.empty()) found = compare_values(rtl, cycle, c, slots);
    if (found.empty()) found = compare_values(rtl, functional, c, slots);
    if (!found.empty()) return fmt::format("core {} of two: {}", c, found);
  }
  return {};
}

}  // namespace

ProgramVerdict judge_two(const VerifyOptions& options, const VerifySubjects& subjects, std::uint64_t seed,
                         const RandomProgramShape& shape) {
  constexpr std::int64_t kPatienceCycles = 1000;
  constexpr std::uint64_t kSeeds = 0x7fffffff;
  const Programs programs = random_programs_of_two(seed, shape);
  const SystemOptions system = two_on_a_chip();
  CoreParameters of_model = subjects.model, of_rtl;
  of_model.lanes = of_rtl.lanes = options.lanes;
  of_model.hbm = of_rtl.hbm = shape.hbm;
  Pair cycle(programs, seed, shape), functional(programs, seed, shape), rtl(programs, seed, shape);
  CycleEngine cycle_engine(of_model, system);
  cycle.run(cycle_engine);
  FunctionalEngine functional_engine;
  functional.run(functional_engine);
  const SlotRange slots{shape.first_slot, shape.slots};
  ProgramVerdict verdict{seed, cycle.timing->cycles(), {}};
  RtlEngine rtl_engine(of_rtl, system, slots.first + slots.count, [&](const CoreParameters& p) {
    return subjects.rtl(p, static_cast<int>(1 + seed % kSeeds));
  });
  rtl_engine.limit(2 * verdict.cycles + kPatienceCycles);
  try {
    rtl.run(rtl_engine);
    verdict.difference = compare_pairs(programs, rtl, cycle, functional, slots);
  } catch (const std::logic_error& error) {
    verdict.difference = fmt::format("two cores: {}", error.what());
  }
  if (options.coverage != nullptr && verdict.difference.empty()) {
    for (const isa::Program& program : programs) options.coverage->note(shape, program, {});
  }
  return verdict;
}

}  // namespace anzan::sim
