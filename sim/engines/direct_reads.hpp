// Loads that need not be executed, because all that would read in the scratchpad what they bring can read it
// in HBM, where it is. On the chip only the DMA reaches HBM; a processor that executes programs in their
// order reaches everything, and spends a third of its time on such copies.
#pragma once
#include <vector>

#include "isa/program.hpp"
#include "models/plan.hpp"

namespace anzan::sim {

struct DirectReads {
  // Operands that are read in HBM have addresses beyond the scratchpad: HBM follows it (models/core.hpp).
  // Loads that are not needed have become `end`, which does nothing.
  isa::Program program;
  std::vector<bool> dropped;  // these loads
};

// For a program that is executed in its order, or in another by its dependencies, by a core that nothing
// arrives at. It leaves the same bits in memories, settings, statistics and semaphores; in between the
// scratchpad may lack what nobody reads there. The program must have been checked. Time near that of the
// walks of its instructions through memory.
DirectReads read_directly(const isa::Program& program, const models::MemorySizes& sizes);

}  // namespace anzan::sim
