// Layers that make a value of one value, or of those near it: curves, ReLU, dropout, LRN.
#pragma once
#include <vector>

#include "tests/reference/integer_state.hpp"

namespace anzan::reference {

// What goes back is written under this name.
void relu_forward(IntegerState& s, const compiler::Layer& l, const IntegerState::Node& node);
void relu_backward(IntegerState& s, const compiler::Layer& l, const StoredTensor& dy,
                   const std::string& name);
void curve_forward(IntegerState& s, const compiler::Layer& l, const IntegerState::Node& node);
void curve_backward(IntegerState& s, const compiler::Layer& l, const StoredTensor& dy,
                    const std::string& name);
// What a dropout multiplies so many elements with.
std::vector<double> dropout_mask(const IntegerState& s, const compiler::Layer& l, std::int64_t size);
void dropout_forward(IntegerState& s, const compiler::Layer& l, const IntegerState::Node& node);
void dropout_backward(IntegerState& s, const compiler::Layer& l, const StoredTensor& dy,
                      const std::string& name);
void lrn_forward(IntegerState& s, const compiler::Layer& l, const IntegerState::Node& node);
void lrn_backward(IntegerState& s, const compiler::Layer& l, const StoredTensor& dy, const std::string& name);

}  // namespace anzan::reference
