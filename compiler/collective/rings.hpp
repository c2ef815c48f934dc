// Sums and all_gather round the dimensions: all_reduce, reduce_scatter, all_gather.
#pragma once
#include <cstdint>

#include "compiler/collective/writer.hpp"

namespace anzan::compiler {

Listing ring_collective(const CollectiveParameters& parameters, const CollectiveCut& cut,
                        std::int64_t result_line);

}  // namespace anzan::compiler
