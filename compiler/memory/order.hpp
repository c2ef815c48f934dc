// The order of the backward pass, chosen for the memory that it takes. Values, statistics and random words do
// not depend on it.
#pragma once
#include "compiler/graph/graph.hpp"

namespace anzan::compiler {

// As Graph::memory says; forward operations, exchanges and what follows them stay where they are.
void order_operations(Graph& graph);

}  // namespace anzan::compiler
