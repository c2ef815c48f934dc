// Tries one chip for all first; a network that treats chips differently says so, and then all are simulated.
#include "sim/cost/system_runner.hpp"

namespace anzan::sim {

SystemRunner::SystemRunner(const models::clocked::CoreParameters& core, const SystemOptions& options,
                           const models::ChipsNetwork& network, bool alike)
    : core_(core),
      options_(options),
      network_(network),
      alike_(alike && options.parameters.same_part(options.cores_per_chip) &&
             simulated(options, true).possible()) {}

models::clocked::SystemTiming SystemRunner::run(const ProgramOfCore& program) {
  if (alike_) {
    try {
      return simulate(program);
    } catch (const models::clocked::NotAlike&) {
      alike_ = false;
    }
  }
  return simulate(program);
}

models::clocked::Alike SystemRunner::simulated(const SystemOptions& options, bool alike) {
  return {options.parameters.sizes(), alike ? options.cores_per_chip : options.cores()};
}

models::clocked::SystemTiming SystemRunner::simulate(const ProgramOfCore& program) const {
  const models::clocked::Alike cores = simulated(options_, alike_);
  std::vector<isa::Program> programs;
  for (int c = 0; c < cores.simulated; ++c) programs.push_back(program(c));
  return models::clocked::ClockedSystem(core_, network_, options_.packet, cores).run(programs);
}

}  // namespace anzan::sim
