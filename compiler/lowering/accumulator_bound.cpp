// The largest product times their number, against half of what an accumulator holds.
#include "compiler/lowering/accumulator_bound.hpp"

#include <algorithm>
#include <limits>

#include "compiler/input/input_error.hpp"
#include "models/number_format.hpp"

namespace anzan::compiler {

namespace {
// |a b| <= 2^(wa - 1 + wb - 1); the bias takes at most half of what an accumulator holds
std::int64_t products_beside_bias(int width_a, int width_b) {
  return (std::int64_t{1} << (isa::kAccumulatorBits - 2)) / (std::int64_t{1} << (width_a + width_b - 2));
}
}  // namespace

std::int64_t most_products(const Graph& graph, isa::Format format, int slot_a, int slot_b) {
  if (!models::is_integer(format)) return std::numeric_limits<std::int64_t>::max();
  return products_beside_bias(graph.slot(slot_a).settings.width, graph.slot(slot_b).settings.width);
}

void prove_accumulator(const Graph& graph, isa::Format format, int slot_a, int slot_b, std::int64_t products,
                       const std::string& layer) {
  if (!models::is_integer(format)) return;
  const int width_a = graph.slot(slot_a).settings.width;
  const int width_b = graph.slot(slot_b).settings.width;
  const std::int64_t most = products_beside_bias(width_a, width_b);
  if (products <= most) return;
  throw InputError("/precision",
                   std::to_string(products) + " products of " + std::to_string(width_a) + " and " +
                       std::to_string(width_b) + " bits summed in layer " + layer,
                   "at most " + std::to_string(most) + " in a " + std::to_string(isa::kAccumulatorBits) +
                       "-bit accumulator: smaller widths");
}

SumExtent exact_pieces(const SumExtent& whole, std::int64_t lanes, std::int64_t most) {
  const std::int64_t pixels = most / lanes, rows = pixels / whole.x, groups = rows / whole.y;
  if (groups > 0) return {std::min(groups, whole.batch_groups), whole.y, whole.x};
  if (rows > 0) return {1, rows, whole.x};
  return {1, 1, std::max<std::int64_t>(pixels, 1)};
}

}  // namespace anzan::compiler
