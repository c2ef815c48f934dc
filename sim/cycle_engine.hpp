// The cycle engine: values and time together. The clocked models say when each instruction starts, the
// functional engine's instructions what it does.
#pragma once
#include "models/clocked/core.hpp"
#include "sim/functional_engine.hpp"

namespace anzan::sim {

// Throws as FunctionalEngine::run_one and ClockedCore::run. The program belongs to `values`.
models::ProgramTiming run_clocked(models::clocked::ClockedCore& core, FunctionalEngine& values,
                                  LoadedProgram& program);

}  // namespace anzan::sim
