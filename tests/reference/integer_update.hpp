// The update: the length of all gradients, SGD, Adam and AdamW.
#pragma once
#include "tests/reference/integer_state.hpp"

namespace anzan::reference {

// Of all parameters and running averages.
void update_parameters(IntegerState& s);

}  // namespace anzan::reference
