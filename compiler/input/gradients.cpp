// Weights and biases of each layer: there is a gradient of each.
#include "compiler/input/gradients.hpp"

namespace anzan::compiler {

Gradients gradients_of(const Network& network, const Precision& precision) {
  Gradients g;
  g.format = precision.classes[static_cast<std::size_t>(TensorClass::kWeightGradient)].format;
  for (const Layer& l : network.layers) {
    const std::int64_t bias = l.bias ? 1 : 0;
    if (l.kind == LayerKind::kConvolution)
      g.elements.push_back(l.out.channels * (l.in.channels / l.groups * l.kernel_h * l.kernel_w + bias));
    if (l.kind == LayerKind::kFullyConnected) g.elements.push_back(l.out.channels * (l.in.size() + bias));
  }
  return g;
}

}  // namespace anzan::compiler
