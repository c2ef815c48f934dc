// Updates of parameters, by gradients from HBM or by those that another operation has left in the scratchpad;
// and the first quantisation of initial values.
#pragma once
#include <cstdint>
#include <functional>
#include <vector>

#include "compiler/lowering/lowering.hpp"

namespace anzan::compiler {

// Without `store`, only the statistics of the momentum are taken.
void lower_update(Lowering& low, const Op& op, bool store);

// A stored parameter, and the tensor that the driver writes its initial values to.
struct InitialValues {
  const TensorInfo *stored, *initial;
};
// All that the graph stores. Those of one slot stand together, in the order of the first of each.
std::vector<std::vector<InitialValues>> initial_values_by_slot(const Graph& graph);
void lower_initialize(Lowering& low, const std::vector<InitialValues>& of_a_slot, Listing& listing);

// Whether any of these rows of a parameter, or of its gradient, holds an element: an update reads no other.
bool holds_elements(const TensorInfo& tensor, const Range& rows);

// Rows of a gradient.
struct RowsAtHand {
  Range rows;                       // of the tensor, the first a multiple of kChannelAlignment
  std::int64_t scratchpad_row = 0;  // of the first, counted in the gradient's format
  std::function<Exchanged(const isa::Vector&)> reader;  // what each instruction that reads them needs beside
};

// The update of these rows only.
void lower_update(Lowering& low, const Op& op, const RowsAtHand& gradient);

}  // namespace anzan::compiler
