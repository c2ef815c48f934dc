// Convolution and fully connected layers: forward, the gradient of the input, and the geometry that these
// share with the gradient of the weights.
#pragma once
#include "compiler/lowering/lowering.hpp"
#include "compiler/lowering/windows.hpp"

namespace anzan::compiler {

// Forward axes of a convolution or fully connected layer (a convolution whose kernel is its whole input).
Axes convolution_axes(const Lowering& low, const Op& op, const TensorInfo& weight, const Image& x,
                      const Image& y);

void lower_convolution(Lowering& low, const Op& op);
void lower_convolution_backward_data(Lowering& low, const Op& op);

}  // namespace anzan::compiler
