// That an integer accumulator never wraps: products of two operands of known widths, summed. A sum that is
// too long for one accumulator is cut where nothing but its own size says.
#pragma once
#include <cstdint>
#include <string>

#include "compiler/graph/graph.hpp"

namespace anzan::compiler {

// Products of the two slots' widths that an accumulator holds beside a bias. As many as one likes in FP32.
std::int64_t most_products(const Graph& graph, isa::Format format, int slot_a, int slot_b);

// Throws InputError if `products` products of the two slots' widths, plus a bias, could leave the
// accumulator. FP32 needs no proof.
void prove_accumulator(const Graph& graph, isa::Format format, int slot_a, int slot_b, std::int64_t products,
                       const std::string& layer);

// A sum over images and pixels: its groups of `lanes` images, rows and columns.
struct SumExtent {
  std::int64_t batch_groups = 1, y = 1, x = 1;
};
// The pieces of a sum of `whole` that are summed exactly: as many whole batch groups as `most` products
// allow; where one is too many, rows of it; where one is too many, pixels of it. Lanes that hold no image
// count.
SumExtent exact_pieces(const SumExtent& whole, std::int64_t lanes, std::int64_t most);

}  // namespace anzan::compiler
