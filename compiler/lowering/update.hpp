// Updates of parameters, by gradients from HBM or by those that another operation has left in the scratchpad;
// and the first quantisation of initial values.
#pragma once
#include <cstdint>
#include <functional>

#include "compiler/lowering/lowering.hpp"

namespace anzan::compiler {

// Without `store`, only the statistics of the momentum are taken.
void lower_update(Lowering& low, const Op& op, bool store);
void lower_initialize(Lowering& low, const ParameterInfo& parameter, Listing& listing);

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
