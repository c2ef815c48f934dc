// Seeded random legal programs for comparing engines: every instruction, every format, rounding and policy,
// several units at once, with the semaphores that their conflicts ask for, and others.
#pragma once
#include <cstdint>

#include "isa/program.hpp"

namespace anzan::sim {

struct RandomProgramShape {
  int lanes = 4;
  int instructions = 30;
  std::int64_t scratchpad_lines = 512, hbm_lines = 512;
  int first_slot = 0, slots = 8;
  int narrow_slots = 6;  // the first of them, whose width fits int8
};

// Of so many instructions, perhaps one more.
isa::Program random_program(std::uint64_t seed, const RandomProgramShape& shape);

}  // namespace anzan::sim
