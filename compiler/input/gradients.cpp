// Weights and biases of each layer: there is a gradient of each.
#include "compiler/input/gradients.hpp"

namespace anzan::compiler {

Gradients gradients_of(const Network& network, const Precision& precision) {
  Gradients g;
  g.format = precision.classes[static_cast<std::size_t>(TensorClass::kWeightGradient)].format;
  for (const Layer& l : network.layers) {
    if (has(l, kHasWeights)) g.elements.push_back(weight_count(l) + (l.bias ? l.out.channels : 0));
  }
  return g;
}

}  // namespace anzan::compiler
