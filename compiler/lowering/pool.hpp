// Max and average pooling and their gradients.
#pragma once
#include "compiler/lowering/lowering.hpp"

namespace anzan::compiler {

// `training`: which taps were the largest is kept for the gradient.
void lower_pool(Lowering& low, const Op& op, bool training);

}  // namespace anzan::compiler
