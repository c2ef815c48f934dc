// One piece is one accumulator; of several, each is rounded to FP32.
#include "compiler/lowering/carried_sums.hpp"

#include "compiler/graph/layout.hpp"
#include "models/number_format.hpp"

namespace anzan::compiler {
namespace {

isa::Format arithmetic(const Graph& g, const Op& gradient) {
  return models::wider(g.tensor(gradient.inputs[0]).format, g.tensor(gradient.inputs[1]).format);
}

SumExtent all_images(const TensorInfo& dy) {
  return {ceil_div(dy.shape[0], dy.lanes), dy.shape[2], dy.shape[3]};
}

}  // namespace

SumExtent exact_pieces(const Graph& g, const Op& gradient) {
  const TensorInfo &x = g.tensor(gradient.inputs[0]), &dy = g.tensor(gradient.inputs[1]);
  return exact_pieces(all_images(dy), dy.lanes, most_products(g, arithmetic(g, gradient), x.slot, dy.slot));
}

std::optional<CarriedSums> carried_sums(const Graph& g, const Op& gradient, std::int64_t batch_groups) {
  const TensorInfo& dy = g.tensor(gradient.inputs[1]);
  const SumExtent whole = all_images(dy), piece = exact_pieces(g, gradient);
  const WeightLayout l = weight_layout(g.tensor(gradient_of_weights(g, gradient).outputs[0]));
  const std::int64_t blocks = l.groups * l.out_blocks;
  const bool biases = gradient_of_weights(g, gradient).outputs.size() > 1;
  CarriedSums sums;
  sums.accumulators = piece.batch_groups == whole.batch_groups && piece.y == whole.y && piece.x == whole.x;
  if (sums.accumulators) {
    const isa::Format format = arithmetic(g, gradient);
    sums.lines_for_weights = blocks * l.in_blocks * l.taps * models::accumulator_lines(format, l.lanes);
    if (biases) sums.lines_for_biases = blocks * models::accumulator_lines(format, 1);
    return sums;
  }
  if (batch_groups % piece.batch_groups != 0) return {};
  sums.lines_for_weights = l.rows();
  if (biases) sums.lines_for_biases = blocks;
  return sums;
}

}  // namespace anzan::compiler
