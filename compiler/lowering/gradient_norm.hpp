// What all gradients are multiplied with, so that together they are no longer than the training allows.
#pragma once
#include "compiler/lowering/lowering.hpp"

namespace anzan::compiler {

void lower_gradient_norm(Lowering& low, const Op& op);

}  // namespace anzan::compiler
