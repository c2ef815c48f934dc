// Tries one chip for all first; a network that treats chips differently says so, and then all are simulated.
#include "sim/cost/system_runner.hpp"

namespace anzan::sim {

SystemRunner::SystemRunner(const models::clocked::CoreParameters& core, const SystemOptions& options,
                           const models::ChipsNetwork& network, bool alike, models::Watch watch)
    : core_(core),
      options_(options),
      network_(network),
      alike_(alike && options.parameters.same_part(options.cores_per_chip) &&
             simulated(options, true).possible()),
      watch_(watch) {}

models::clocked::SystemTiming SystemRunner::run(const ProgramOfCore& program, const std::string& what) {
  if (alike_) {
    try {
      return simulate(program, what);
    } catch (const models::clocked::NotAlike&) {
      alike_ = false;
    }
  }
  return simulate(program, what);
}

models::clocked::Alike SystemRunner::simulated(const SystemOptions& options, bool alike) {
  return {options.parameters.sizes(), alike ? options.cores_per_chip : options.cores()};
}

models::clocked::SystemTiming SystemRunner::simulate(const ProgramOfCore& program,
                                                     const std::string& what) const {
  const models::clocked::Alike cores = simulated(options_, alike_);
  std::vector<isa::Program> programs;
  std::size_t instructions = 0;
  for (int c = 0; c < cores.simulated; ++c) {
    programs.push_back(program(c));
    instructions += programs.back().size();
  }
  models::clocked::ClockedSystem system(core_, network_, options_.packet, cores);
  system.watch(watch_);
  watch_.begin("running " + what + " dry", static_cast<std::int64_t>(instructions));
  return system.run(programs);
}

}  // namespace anzan::sim
