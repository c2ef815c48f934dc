// Seeded random programs for the clocked core: every kind of instruction, copies through HBM, and semaphores
// between all units, in the ways that a legal program may use them.
#pragma once
#include <cstdint>

#include "isa/program.hpp"

namespace anzan::reference {

struct ScheduleShape {
  int lanes = 16;
  int instructions = 60;
  int wait_percent = 30;  // of the instructions wait for a semaphore, where one was raised before
  std::int64_t hbm_lines = 1 << 16;
};

// A semaphore has one unit that waits for it and any number that raise it.
isa::Program random_schedule(std::uint64_t seed, const ScheduleShape& shape);

}  // namespace anzan::reference
