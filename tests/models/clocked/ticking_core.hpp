// An independent reference for time: a core simulated cycle by cycle, every register of every pipeline,
// without events and without formulas. Slow, and only for tests.
#pragma once
#include <cstdint>

#include "isa/program.hpp"
#include "models/clocked/core.hpp"
#include "models/program_timing.hpp"

namespace anzan::reference {

// Throws std::runtime_error where nothing happens for long.
models::ProgramTiming tick(const isa::Program& program, const models::clocked::CoreParameters& parameters);

}  // namespace anzan::reference
