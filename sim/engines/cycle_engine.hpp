// The cycle engine: the clocked models say when each instruction starts, the functional engine's instructions
// what it does.
#pragma once
#include "models/clocked/core.hpp"
#include "sim/engines/timed_engine.hpp"

namespace anzan::sim {

class CycleEngine final : public TimedEngine {
 public:
  // `clock` must outlive the engine.
  explicit CycleEngine(models::clocked::ClockedCore& clock) : clock_(clock) {}

  // Throws as FunctionalEngine::run_one and ClockedCore::run.
  models::ProgramTiming run(LoadedProgram& program, FunctionalEngine& values, models::Core& core) override;

 private:
  models::clocked::ClockedCore& clock_;
};

}  // namespace anzan::sim
