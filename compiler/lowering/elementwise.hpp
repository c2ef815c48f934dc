// ReLU and its gradient, residual addition, requantising copies.
#pragma once
#include "compiler/lowering/lowering.hpp"

namespace anzan::compiler {

void lower_elementwise(Lowering& low, const Op& op);

}  // namespace anzan::compiler
