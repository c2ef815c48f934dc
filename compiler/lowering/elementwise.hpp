// Element by element: activation functions and their gradients, sums, products, requantising copies, and what
// batch normalisation does to every element.
#pragma once
#include "compiler/lowering/lowering.hpp"

namespace anzan::compiler {

void lower_elementwise(Lowering& low, const Op& op);
// Of an operation that does something else where the program does not train.
void lower_elementwise(Lowering& low, const Op& op, bool training);
// Copies into channels of the output, and from those of its gradient.
void lower_concat(Lowering& low, const Op& op);
void lower_concat_backward(Lowering& low, const Op& op);

}  // namespace anzan::compiler
