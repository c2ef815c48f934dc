// The graph of a training step as it is executed.
#pragma once
#include "compiler/graph/graph.hpp"

namespace anzan::compiler {

// Differentiated, its operations in the order and its gradients in the parts that Input::memory asks for.
Graph training_graph(const Input& input);

}  // namespace anzan::compiler
