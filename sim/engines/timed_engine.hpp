// Engines that run programs in time, values and cycles together: on one core, or on all of a system.
#pragma once
#include <vector>

#include "models/clocked/system.hpp"
#include "models/core.hpp"
#include "models/program_timing.hpp"
#include "sim/engines/functional_engine.hpp"
#include "sim/engines/system.hpp"

namespace anzan::sim {

class TimedEngine {
 public:
  virtual ~TimedEngine() = default;

  // Runs the program, which belongs to `values`, on `core`, which `values` works on too. Leaves the bits in
  // memories, settings and statistics that values.run() would leave.
  virtual models::ProgramTiming run(LoadedProgram& program, FunctionalEngine& values, models::Core& core) = 0;
};

class TimedSystemEngine {
 public:
  virtual ~TimedSystemEngine() = default;

  // One program for each core, as System::run, which would leave the same bits.
  virtual models::clocked::SystemTiming run(std::vector<LoadedProgram>& programs, System& system) = 0;
};

}  // namespace anzan::sim
