// Losses: that of each pixel of the logits, and the gradient of their mean.
#pragma once
#include "tests/reference/double_step.hpp"

namespace anzan::reference {

void cross_entropy(DoubleState& s, const compiler::Layer& l);
void squared_error(DoubleState& s, const compiler::Layer& l);

}  // namespace anzan::reference
