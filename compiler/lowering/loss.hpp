// Softmax cross-entropy and mean squared error: loss and prediction of each pixel of the logits, and, while
// training, their gradient: that of the mean over all pixels of all images of all cores.
#pragma once
#include "compiler/lowering/lowering.hpp"

namespace anzan::compiler {

void lower_loss(Lowering& low, const Op& op, bool gradient);

}  // namespace anzan::compiler
