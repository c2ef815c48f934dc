// What an order of operations costs in memory, before anything has a place.
#pragma once
#include <cstdint>
#include <utility>
#include <vector>

#include "compiler/graph/graph.hpp"

namespace anzan::compiler {

// Of the tensors that do not persist, in lines: most that are alive at once, and the sum over all operations.
struct Price {
  std::int64_t peak = 0, alive = 0;
  bool operator<(const Price& o) const { return std::pair(peak, alive) < std::pair(o.peak, o.alive); }
};
Price price_of(const Graph& graph);
Price price_of(const Graph& graph, const std::vector<const Op*>& order);

}  // namespace anzan::compiler
