// The memory of training as articles count it, by formulas of the network alone: activations, weights and the
// gradients of both, element by element. No momentum, no padding, no indices of pools.
#pragma once
#include <cstdint>

#include "compiler/input/network.hpp"

namespace anzan::compiler {

// Bytes. ReLU and dropout work in place, the data have no gradient, and views are no memory of their own.
struct CountedMemory {
  std::int64_t weights = 0, activations = 0;  // biases are weights, the data activations
  // Every tensor has its own memory, as in Caffe.
  std::int64_t conventional = 0;
  // Gradients of activations lie over their activations, and those of weights share one area, as large as the
  // largest (US 11,003,990 B2).
  std::int64_t shared_gradients = 0;
  // Of a layer's two gradients the larger lies over its activation or over its weights, which nobody needs
  // any more once the smaller one is there; the smaller has memory of its own: one area for all gradients of
  // activations, one for all of weights.
  std::int64_t smaller_first = 0;
};
CountedMemory count_memory(const Network& network, std::int64_t batch, std::int64_t bytes_an_element);

}  // namespace anzan::compiler
