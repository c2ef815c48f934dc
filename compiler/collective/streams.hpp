// all_reduce for rings that are longer than the scratchpad is large: of each segment, only what is being
// summed or has just arrived lies there.
#pragma once
#include <optional>

#include "compiler/collective/writer.hpp"

namespace anzan::compiler {

// The semaphores that it needs on these ways.
std::size_t stream_semaphores(const std::vector<Way>& ways);
// None where the scratchpad has no room for it.
std::optional<CollectiveCut> stream_cut(const CollectiveParameters& parameters, std::vector<Way> ways);
// Messages of one line that say what is free, of all cores.
std::int64_t stream_credits(const CollectiveCut& cut);
Listing streamed_sum(const CollectiveParameters& parameters, const CollectiveCut& cut,
                     std::int64_t result_line);

}  // namespace anzan::compiler
