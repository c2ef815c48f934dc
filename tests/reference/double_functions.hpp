// Layers that make a value of one value, or of those near it: ReLU, curves, local response normalisation.
#pragma once
#include "tests/reference/double_step.hpp"

namespace anzan::reference {

Bounded relu_forward(DoubleState& s, const compiler::Layer& l);
void relu_backward(const DoubleState& s, const compiler::Layer& l, const Bounded& dy, BoundedSums& dx);
Bounded curve_forward(DoubleState& s, const compiler::Layer& l);
void curve_backward(const DoubleState& s, const compiler::Layer& l, const Bounded& dy, BoundedSums& dx);
Bounded dropout_forward(const DoubleState& s, const compiler::Layer& l);
void dropout_backward(const DoubleState& s, const compiler::Layer& l, const Bounded& dy, BoundedSums& dx);
Bounded lrn_forward(const DoubleState& s, const compiler::Layer& l);
void lrn_backward(const DoubleState& s, const compiler::Layer& l, const Bounded& dy, BoundedSums& dx);

}  // namespace anzan::reference
