// Max and average pooling and their gradients.
#pragma once
#include "compiler/lowering/lowering.hpp"

namespace anzan::compiler {

void lower_pool(Lowering& low, const Op& op);

}  // namespace anzan::compiler
