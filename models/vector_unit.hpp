// The vector unit: what a `vector` instruction means (models/README.md).
#pragma once
#include <array>
#include <cstdint>

#include "isa/isa_generated.hpp"
#include "models/core.hpp"
#include "models/kernels/kernels.hpp"
#include "models/plan.hpp"
#include "models/shared_table.hpp"
#include "models/statistics_database.hpp"

namespace anzan::models {

// A checked instruction; one iteration is one output row with all that it folds.
struct VectorPlan : Plan {
  kernels::VectorJob job{};
  SharedTable<std::int32_t> offsets;  // of the job's table
  std::array<int, 3> operands{};      // entry of the scalar table, or slot
  int slot_o = 0;
};

// Number of operands that an operation reads, in the order a, b, c.
struct OperandUse {
  bool a, b, c;
};
OperandUse operands_of(isa::VectorOp op);

// Throws InstructionError for an address outside the scratchpad or the scalar table, a mask outside the
// lanes, a loop count of 0, an operand that the operation needs and is `none`, or loops folded without a
// reduction.
VectorPlan plan(const isa::Vector& instruction, const MemorySizes& sizes);

// Takes the settings as they are now; must precede execute. Throws InstructionError for a slot whose width
// does not fit the output format.
void bind(VectorPlan& plan, Core& core);

// Computes the output rows [first, last); counts are added to `statistics`.
void execute(const VectorPlan& plan, const kernels::KernelSet& kernels, std::int64_t first, std::int64_t last,
             LocalStatistics& statistics);

}  // namespace anzan::models
