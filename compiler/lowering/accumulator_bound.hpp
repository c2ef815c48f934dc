// The proof that an integer accumulator never wraps: products of two operands of known widths, summed.
#pragma once
#include <cstdint>
#include <string>

#include "compiler/graph/graph.hpp"

namespace anzan::compiler {

// Throws InputError if `products` products of the two slots' widths, plus a bias, could leave the
// accumulator. FP32 needs no proof.
void prove_accumulator(const Graph& graph, isa::Format format, int slot_a, int slot_b, std::int64_t products,
                       const std::string& layer);

}  // namespace anzan::compiler
