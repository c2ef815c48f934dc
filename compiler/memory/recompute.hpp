// Activations that are not kept for the backward pass but computed again where it reads them first.
#pragma once
#include "compiler/graph/graph.hpp"

namespace anzan::compiler {

// What Graph::memory.recompute says; then, for a budget, as many more as it takes. An operation that is done
// again finds the same inputs, points and random words, so it gives the same bits; it is not counted again.
// Throws InputError where no recomputation brings the step within the budget.
void recompute_activations(Graph& graph);

}  // namespace anzan::compiler
