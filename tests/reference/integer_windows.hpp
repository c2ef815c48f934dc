// Layers that slide windows over pixels: convolutions, fully connected ones, maxima, averages.
#pragma once
#include "tests/reference/integer_state.hpp"

namespace anzan::reference {

// What goes back is the gradient that arrives at `target`, under this name.
void weighted_forward(IntegerState& s, const compiler::Layer& l, const IntegerState::Node& node);
void parameter_gradients(IntegerState& s, const compiler::Layer& l, const StoredTensor& dy);
void data_gradient(IntegerState& s, const compiler::Layer& l, const StoredTensor& dy,
                   const IntegerState::Node& target, const std::string& name);
void max_pool_forward(IntegerState& s, const compiler::Layer& l, const IntegerState::Node& node);
void max_pool_backward(IntegerState& s, const compiler::Layer& l, const StoredTensor& dy,
                       const IntegerState::Node& target, const std::string& name);
void average_pool_forward(IntegerState& s, const compiler::Layer& l, const IntegerState::Node& node);
void average_pool_backward(IntegerState& s, const compiler::Layer& l, const StoredTensor& dy,
                           const IntegerState::Node& target, const std::string& name);

}  // namespace anzan::reference
