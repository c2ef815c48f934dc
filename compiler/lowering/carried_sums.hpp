// Sums for the gradient of weights that go on from one micro-batch to the next: what is kept between them,
// and how many lines of HBM it takes.
#pragma once
#include <optional>

#include "compiler/graph/graph.hpp"
#include "compiler/lowering/accumulator_bound.hpp"

namespace anzan::compiler {

// Lines: first those for weights, then those for biases.
struct CarriedSums {
  // Accumulators, by tiles [group][block of outputs][block of inputs][tap]; otherwise FP32 sums of the pieces
  // so far, in rows as the gradient has them.
  bool accumulators = false;
  std::int64_t lines_for_weights = 0, lines_for_biases = 0;
  std::int64_t lines() const { return lines_for_weights + lines_for_biases; }
};

// The pieces in which a convolution's gradient of weights is summed exactly, over all images of the core.
SumExtent exact_pieces(const Graph& graph, const Op& gradient);

// For micro-batches of so many batch groups, one after the other. None where a piece would go on from one to
// the next and leave others behind it: then there are accumulators and sums of pieces at once.
std::optional<CarriedSums> carried_sums(const Graph& graph, const Op& gradient, std::int64_t batch_groups);

}  // namespace anzan::compiler
