// Element by element: activation functions and their gradients, residual addition, requantising copies.
#pragma once
#include "compiler/lowering/lowering.hpp"

namespace anzan::compiler {

void lower_elementwise(Lowering& low, const Op& op);
// A copy where nothing is trained.
void lower_dropout(Lowering& low, const Op& op, bool training);
// Copies into channels of the output, and from those of its gradient.
void lower_concat(Lowering& low, const Op& op);
void lower_concat_backward(Lowering& low, const Op& op);

}  // namespace anzan::compiler
