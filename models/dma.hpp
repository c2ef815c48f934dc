// The DMA: what `copy` and `transpose` mean, and `put` as far as it moves rows (models/README.md).
#pragma once
#include <cstdint>

#include "isa/isa_generated.hpp"
#include "models/core.hpp"
#include "models/kernels/kernels.hpp"
#include "models/plan.hpp"
#include "models/shared_table.hpp"

namespace anzan::models {

// A checked copy or put; one iteration is one row, or one line where rows move in whole lines.
struct CopyPlan : Plan {
  kernels::CopyJob job{};
  SharedTable<std::int32_t> offsets;  // of the job's table
  isa::Space src_space{}, dst_space{};
};

// A checked transpose; one iteration is one block.
struct TransposePlan : Plan {
  kernels::TransposeJob job{};
};

// All throw InstructionError for an address outside its memory or a loop count of 0; for a copy also where
// both sides are HBM; for a transpose for rows or lanes outside 1 to L. The receiver of a put has `receiver`
// sizes and the sender's lanes.
CopyPlan plan(const isa::Copy& instruction, const MemorySizes& sizes);
CopyPlan plan(const isa::Put& instruction, const MemorySizes& sizes, const MemorySizes& receiver);
TransposePlan plan(const isa::Transpose& instruction, const MemorySizes& sizes);

// Names the memories; must precede execute. A copy within a core has twice the same one.
void bind(CopyPlan& plan, Core& source, Core& destination);
void bind(TransposePlan& plan, Core& core);

void execute(const CopyPlan& plan, const kernels::KernelSet& kernels, std::int64_t first, std::int64_t last);
void execute(const TransposePlan& plan, const kernels::KernelSet& kernels, std::int64_t first,
             std::int64_t last);

}  // namespace anzan::models
