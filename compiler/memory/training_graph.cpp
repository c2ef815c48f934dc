// Differentiation, then what is done for memory.
#include "compiler/memory/training_graph.hpp"

#include "compiler/memory/order.hpp"
#include "compiler/memory/recompute.hpp"
#include "compiler/memory/weight_parts.hpp"

namespace anzan::compiler {

Graph training_graph(const Input& input) {
  Graph graph = differentiate(input);
  divide_weight_gradients(graph);
  recompute_activations(graph);
  order_operations(graph);
  return graph;
}

}  // namespace anzan::compiler
