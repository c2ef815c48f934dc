// Softmax cross-entropy and mean squared error: loss and prediction of each image, and, while training, the
// gradient of the logits.
#pragma once
#include "compiler/lowering/lowering.hpp"

namespace anzan::compiler {

void lower_loss(Lowering& low, const Op& op, bool gradient);

}  // namespace anzan::compiler
