// What the gradients do to the parameters: clipping, SGD, Adam and AdamW.
#pragma once
#include "tests/reference/double_step.hpp"

namespace anzan::reference {

// By all that have been recorded. Records parameters and moments after it.
void update_parameters(DoubleState& s);

}  // namespace anzan::reference
