// An engine that runs programs in time: values and cycles together.
#pragma once
#include "models/core.hpp"
#include "models/program_timing.hpp"
#include "sim/functional_engine.hpp"

namespace anzan::sim {

class TimedEngine {
 public:
  virtual ~TimedEngine() = default;

  // Runs the program, which belongs to `values`, on `core`, which `values` works on too. Leaves the bits in
  // memories, settings and statistics that values.run() would leave.
  virtual models::ProgramTiming run(LoadedProgram& program, FunctionalEngine& values, models::Core& core) = 0;
};

}  // namespace anzan::sim
