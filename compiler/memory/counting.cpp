// Sums and maxima over the layers.
#include "compiler/memory/counting.hpp"

#include <algorithm>

namespace anzan::compiler {
namespace {

bool has_output(const Layer& l) {
  const bool in_place = l.kind == LayerKind::kRelu || l.kind == LayerKind::kDropout;
  return !in_place && !has(l, kIsView) && !has(l, kIsLoss);
}

}  // namespace

CountedMemory count_memory(const Network& network, std::int64_t batch, std::int64_t bytes_an_element) {
  const std::int64_t data = network.input.size() * batch * bytes_an_element;
  CountedMemory m;
  m.activations = data;
  std::int64_t largest_weights = 0, small_of_weights = 0, small_of_activations = 0;
  for (const Layer& l : network.layers) {
    if (has_output(l)) m.activations += l.out.size() * batch * bytes_an_element;
    const std::int64_t weights = parameter_count(l) * bytes_an_element,
                       input = l.in.size() * batch * bytes_an_element;
    m.weights += weights;
    largest_weights = std::max(largest_weights, weights);
    if (weights == 0) continue;
    const bool of_data = std::all_of(l.inputs.begin(), l.inputs.end(), [](int i) { return i < 0; });
    if (of_data) continue;  // its input has no gradient: that of its weights lies over them
    std::int64_t& area = weights <= input ? small_of_weights : small_of_activations;
    area = std::max(area, std::min(weights, input));
  }
  m.conventional = 2 * m.weights + 2 * m.activations - data;
  m.shared_gradients = m.weights + largest_weights + m.activations;
  m.smaller_first = m.weights + m.activations + small_of_weights + small_of_activations;
  return m;
}

}  // namespace anzan::compiler
