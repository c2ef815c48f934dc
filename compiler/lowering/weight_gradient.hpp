// The gradient of the weights and biases of a convolution or fully connected layer.
#pragma once
#include "compiler/lowering/lowering.hpp"

namespace anzan::compiler {

void lower_convolution_backward_weight(Lowering& low, const Op& op);

}  // namespace anzan::compiler
