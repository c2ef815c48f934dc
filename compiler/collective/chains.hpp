// Broadcast along chains.
#pragma once
#include <cstdint>

#include "compiler/collective/writer.hpp"

namespace anzan::compiler {

// A listing for each core, in the order of the instructions.
Listing broadcast_in_core(const CollectiveParameters& parameters, const CollectiveCut& cut,
                          std::int64_t result_line, int core);

}  // namespace anzan::compiler
