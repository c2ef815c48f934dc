// ReLU and its gradient, residual addition, requantising copies, and what batch normalisation does to every
// element.
#pragma once
#include "compiler/lowering/lowering.hpp"

namespace anzan::compiler {

void lower_elementwise(Lowering& low, const Op& op);
// Of an operation that does something else where the program does not train.
void lower_elementwise(Lowering& low, const Op& op, bool training);

}  // namespace anzan::compiler
