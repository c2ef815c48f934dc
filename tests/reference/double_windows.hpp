// Layers that slide windows over pixels: convolutions, fully connected ones, maxima, averages.
#pragma once
#include "tests/reference/double_step.hpp"

namespace anzan::reference {

Bounded contraction_forward(const DoubleState& s, const compiler::Layer& l);
void contraction_backward(DoubleState& s, const compiler::Layer& l, const Bounded& dy, BoundedSums& dx);
Bounded max_pool_forward(DoubleState& s, const compiler::Layer& l);
void max_pool_backward(const DoubleState& s, const compiler::Layer& l, const Bounded& dy, BoundedSums& dx);

}  // namespace anzan::reference
