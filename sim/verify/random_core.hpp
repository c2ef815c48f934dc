// What a random program starts from: memories, settings, statistics and scalars, seeded.
#pragma once
#include <cstdint>

#include "models/core.hpp"
#include "sim/verify/random_program.hpp"

namespace anzan::sim {

// Fills a core for programs of this shape. Half of the memories hold awkward bits: infinities, NaNs,
// subnormals, largest integers; a quarter numbers whose sums round. Some counters are about to stop at their
// largest value, and some windows make close calls. Of a large HBM only the lines that `program` names are
// filled; each has the same words in all programs.
void randomise(models::Core& core, std::uint64_t seed, const RandomProgramShape& shape,
               const isa::Program& program);

}  // namespace anzan::sim
