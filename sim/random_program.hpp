// Seeded random legal programs for comparing engines: every instruction, every format, rounding and policy,
// several units at once, with the semaphores that their conflicts ask for.
#pragma once
#include <cstdint>

#include "isa/program.hpp"
#include "models/core.hpp"

namespace anzan::sim {

struct RandomProgramShape {
  int lanes = 4;
  int instructions = 30;
  std::int64_t scratchpad_lines = 512, hbm_lines = 512;
  int slots = 16;
};

isa::Program random_program(std::uint64_t seed, const RandomProgramShape& shape);

// Fills memories, settings and scalars of a core with what such a program can start from. Half of the bits
// are drawn to be awkward: infinities, NaNs, subnormals, largest integers.
void randomise(models::Core& core, std::uint64_t seed, const RandomProgramShape& shape);

}  // namespace anzan::sim
