// Copies between HBM and the scratchpad that need not be executed, because the instructions that would read
// or write the scratchpad can read or write HBM instead. On the chip only the DMA reaches HBM; a processor
// that executes programs in their order reaches everything, and would spend a fifth to a third of its time on
// such copies.
#pragma once
#include <vector>

#include "isa/program.hpp"
#include "models/plan.hpp"

namespace anzan::sim {

struct DirectProgram {
  // Operands and outputs that lie in HBM have addresses beyond the scratchpad (MemorySizes::hbm_follows).
  // Copies that are not needed have become `end`, which does nothing.
  isa::Program program;
  std::vector<bool> dropped;  // these copies
};

// For a program without puts that is executed in its order, or in another by its dependencies, by a core that
// nothing arrives at. It leaves the same bits in memories, settings, statistics and semaphores; in between
// the scratchpad may lack what nobody reads there. The program must have been checked. Time near that of the
// walks of its instructions through memory.
DirectProgram with_direct_hbm(const isa::Program& program, const models::MemorySizes& sizes);

}  // namespace anzan::sim
