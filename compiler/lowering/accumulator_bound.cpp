// The largest product times their number, against half of what an accumulator holds.
#include "compiler/lowering/accumulator_bound.hpp"

#include "compiler/input/input_error.hpp"
#include "models/number_format.hpp"

namespace anzan::compiler {

void prove_accumulator(const Graph& graph, isa::Format format, int slot_a, int slot_b, std::int64_t products,
                       const std::string& layer) {
  if (!models::is_integer(format)) return;
  const int width_a = graph.slot(slot_a).settings.width;
  const int width_b = graph.slot(slot_b).settings.width;
  // |a b| <= 2^(wa - 1 + wb - 1); the bias takes at most half of what an accumulator holds
  const std::int64_t largest = std::int64_t{1} << (width_a + width_b - 2);
  const std::int64_t room = std::int64_t{1} << (isa::kAccumulatorBits - 2);
  if (products <= room / largest) return;
  throw InputError("/precision",
                   std::to_string(products) + " products of " + std::to_string(width_a) + " and " +
                       std::to_string(width_b) + " bits summed in layer " + layer,
                   "at most " + std::to_string(room / largest) + " in a " +
                       std::to_string(isa::kAccumulatorBits) + "-bit accumulator: a smaller batch or width");
}

}  // namespace anzan::compiler
