// Seeded random legal programs for comparing engines: every instruction, every format, rounding and policy,
// several units at once, with the semaphores that their conflicts ask for, and others.
#pragma once
#include <array>
#include <cstdint>

#include "isa/program.hpp"
#include "sim/verify/random_shape.hpp"

namespace anzan::sim {

// Of so many instructions, perhaps one more. The other core of two has a program of its own.
isa::Program random_program(std::uint64_t seed, const RandomProgramShape& shape);

// Of two cores, with puts from each to the other, and instructions that wait for what arrives.
std::array<isa::Program, 2> random_programs_of_two(std::uint64_t seed, const RandomProgramShape& shape);

}  // namespace anzan::sim
