// Collectives whose cores put everything straight to the core that needs it: each core to the next, then to
// the one after it, and so on, all cores alike.
#pragma once
#include <cstdint>

#include "compiler/collective/writer.hpp"

namespace anzan::compiler {

// all_reduce is a reduce_scatter and, of the sums, an all_gather, in one buffer.
CollectiveCut each_to_each_cut(const CollectiveParameters& parameters, std::vector<Way> ways);
Listing each_to_each(const CollectiveParameters& parameters, const CollectiveCut& cut,
                     std::int64_t result_line);

}  // namespace anzan::compiler
