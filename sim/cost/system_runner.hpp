// Runs programs dry on all cores of a system: one chip for all, as long as the network shows no difference
// between the chips.
#pragma once
#include <functional>
#include <string>

#include "models/clocked/system.hpp"
#include "sim/configuration/system_settings.hpp"

namespace anzan::sim {

class SystemRunner {
 public:
  using ProgramOfCore = std::function<isa::Program(int core)>;

  // `alike`: whether the programs differ in nothing but addresses. Keeps references.
  SystemRunner(const models::clocked::CoreParameters& core, const SystemOptions& options,
               const models::ChipsNetwork& network, bool alike = true, models::Watch watch = {});

  // Throws as ClockedSystem::run. `what`: for the watch.
  models::clocked::SystemTiming run(const ProgramOfCore& program, const std::string& what = "a program");

  bool alike() const { return alike_; }  // so far
  static models::clocked::Alike simulated(const SystemOptions& options, bool alike);

 private:
  models::clocked::SystemTiming simulate(const ProgramOfCore& program, const std::string& what) const;

  const models::clocked::CoreParameters& core_;
  const SystemOptions& options_;
  const models::ChipsNetwork& network_;
  bool alike_;
  models::Watch watch_;
};

}  // namespace anzan::sim
