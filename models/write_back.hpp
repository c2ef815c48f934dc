// The write-back path of the tensor and the vector unit: ReLU, analysis, quantiser, packer. What it does to a
// row stands in models/kernels; here its fields are checked, bound to the settings, and its counts merged.
#pragma once
#include <cstdint>

#include "isa/isa_generated.hpp"
#include "models/core.hpp"
#include "models/kernels/jobs.hpp"
#include "models/plan.hpp"
#include "models/statistics_database.hpp"

namespace anzan::models {

// What of an instruction's output does not depend on the settings. Throws InstructionError for a mask that is
// empty or reaches beyond the lanes.
kernels::Output plan_output(isa::Format format, const isa::Mask& mask, bool relu, bool analyse,
                            std::int32_t lane_stride, int lanes);

// Of an output at such addresses: kernels::Output.
bool past_caches(isa::Format format, const isa::Address& o, const MemorySizes& sizes);

// Takes width, binary point, rounding and the key of the random words from the settings as they are now.
// Throws InstructionError("slot_o", ...) if the slot's width does not fit the element format.
void bind_output(kernels::Output& output, int slot, Core& core);

void add_counts(LocalStatistics& statistics, const kernels::Counts& counts);

}  // namespace anzan::models
