// Updates of parameters by gradients that another operation has left in the scratchpad.
#pragma once
#include <cstdint>
#include <functional>

#include "compiler/lowering/lowering.hpp"

namespace anzan::compiler {

// Rows of a gradient.
struct RowsAtHand {
  Range rows;                       // of the tensor, the first a multiple of kChannelAlignment
  std::int64_t scratchpad_row = 0;  // of the first, counted in the gradient's format
  std::function<Exchanged(const isa::Vector&)> reader;  // what each instruction that reads them needs beside
};

// lower_update of these rows only.
void lower_update(Lowering& low, const Op& op, const RowsAtHand& gradient);

}  // namespace anzan::compiler
