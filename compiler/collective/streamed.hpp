// all_reduce, reduce_scatter and all_gather of segments that stream.
#pragma once
#include <optional>

#include "compiler/collective/writer.hpp"

namespace anzan::compiler {

// None where the scratchpad has no room for it.
std::optional<CollectiveCut> stream_cut(const CollectiveParameters& parameters, std::vector<Way> ways);
// Messages of one line that say what is free, of all cores.
std::int64_t stream_credits(const CollectiveParameters& parameters, const CollectiveCut& cut);
Listing streamed_collective(const CollectiveParameters& parameters, const CollectiveCut& cut,
                            std::int64_t result_line);

}  // namespace anzan::compiler
