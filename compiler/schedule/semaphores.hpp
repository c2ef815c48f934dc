// Orders the units of a core. A program is written as if executed in order; this pass gives each instruction
// that depends on one of another unit a wait, and that one a signal. Units work in program order, so one
// counting semaphore for each ordered pair of units is enough.
#pragma once
#include "compiler/schedule/dependencies.hpp"
#include "isa/program.hpp"
#include "isa/units.hpp"

namespace anzan::compiler {

// The number of the semaphore by which unit `from` tells another unit `to` (numbers of isa/units.hpp); each
// below kOwnSemaphores.
std::size_t semaphore_number(std::size_t from, std::size_t to);
inline constexpr std::size_t kOwnSemaphores = isa::kWorkers * (isa::kWorkers - 1);

// Overwrites all waits and signals.
void add_semaphores(isa::Program& program, const Dependencies& dependencies);
void add_semaphores(Listing& listing, const Dependencies& dependencies);  // and waits for arrivals

}  // namespace anzan::compiler
