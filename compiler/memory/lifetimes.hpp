// From which operation to which a tensor is alive.
#pragma once
#include <vector>

#include "compiler/graph/graph.hpp"

namespace anzan::compiler {

// Operations between which a tensor lives, both included, as numbers of Graph::ops; -1 is before the first,
// their number after the last. A tensor that no operation touches ends before it begins.
struct Lifetime {
  int begin = 0, end = 0;
};
std::vector<Lifetime> lifetimes(const Graph& graph);
// The same if the graph had its operations in this order.
std::vector<Lifetime> lifetimes(const Graph& graph, const std::vector<const Op*>& order);

}  // namespace anzan::compiler
