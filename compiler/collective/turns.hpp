// all_to_all dimension by dimension, from neighbour to neighbour.
#pragma once
#include <cstdint>

#include "compiler/collective/writer.hpp"

namespace anzan::compiler {

Listing all_to_all_in_turns(const CollectiveParameters& parameters, const CollectiveCut& cut,
                            std::int64_t result_line);

// Lengths of a segment that it needs in the scratchpad.
int turns_buffers(const Way& way);

}  // namespace anzan::compiler
