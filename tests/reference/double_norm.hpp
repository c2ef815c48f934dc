// Batch normalisation, channel by channel.
#pragma once
#include "tests/reference/double_step.hpp"

namespace anzan::reference {

Bounded batch_norm_forward(DoubleState& s, const compiler::Layer& l);
void batch_norm_backward(DoubleState& s, const compiler::Layer& l, const Bounded& dy, BoundedSums& dx);

}  // namespace anzan::reference
