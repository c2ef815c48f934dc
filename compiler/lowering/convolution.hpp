// Geometry that the three lowerings of a convolution share.
#pragma once
#include "compiler/lowering/lowering.hpp"
#include "compiler/lowering/windows.hpp"

namespace anzan::compiler {

// Forward axes of a convolution or fully connected layer (a convolution whose kernel is its whole input).
Axes convolution_axes(const Lowering& low, const Op& op, const TensorInfo& weight, const Image& x,
                      const Image& y);

}  // namespace anzan::compiler
