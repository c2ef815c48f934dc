// Layers of several inputs: sums, products, and channels side by side.
#pragma once
#include "tests/reference/integer_state.hpp"

namespace anzan::reference {

// What goes back to one input is written under this name.
void combine_forward(IntegerState& s, const compiler::Layer& l, const IntegerState::Node& node);
void combine_backward(IntegerState& s, const compiler::Layer& l, const StoredTensor& dy, int input,
                      const std::string& name);
void concat_forward(IntegerState& s, const compiler::Layer& l, const IntegerState::Node& node);
void concat_backward(IntegerState& s, const compiler::Layer& l, const StoredTensor& dy,
                     const IntegerState::Node& target, const std::string& name);

}  // namespace anzan::reference
