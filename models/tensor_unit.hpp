// The tensor unit: what a `tensor` instruction means (models/README.md).
#pragma once
#include <cstdint>

#include "isa/isa_generated.hpp"
#include "models/core.hpp"
#include "models/kernels/kernels.hpp"
#include "models/plan.hpp"
#include "models/shared_table.hpp"
#include "models/statistics_database.hpp"

namespace anzan::models {

// A checked instruction; one iteration is one tile.
struct TensorPlan : Plan {
  kernels::TensorJob job{};
  SharedTable<kernels::StepOffset> steps;
  int slot_a = 0, slot_b = 0, slot_o = 0;
};

// Throws InstructionError for an address outside the scratchpad, rows or mask outside the lanes, a loop count
// of 0, or more than 8 reduced loops.
TensorPlan plan(const isa::Tensor& instruction, const MemorySizes& sizes);

// Takes the settings as they are now; must precede execute. Throws InstructionError for a slot whose width
// does not fit the output format.
void bind(TensorPlan& plan, Core& core);

// Runs the tiles [first, last); counts are added to `statistics`.
void execute(const TensorPlan& plan, const kernels::KernelSet& kernels, std::int64_t first, std::int64_t last,
             LocalStatistics& statistics);

}  // namespace anzan::models
