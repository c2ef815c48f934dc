// Layers of several inputs: sums, products, and channels side by side. What goes back is for one `source` of
// them.
#pragma once
#include "tests/reference/double_step.hpp"

namespace anzan::reference {

Bounded add_forward(const DoubleState& s, const compiler::Layer& l);
Bounded multiply_forward(const DoubleState& s, const compiler::Layer& l);
void combine_backward(const DoubleState& s, const compiler::Layer& l, int source, const Bounded& dy,
                      BoundedSums& dx);
Bounded concat_forward(const DoubleState& s, const compiler::Layer& l);
void concat_backward(const DoubleState& s, const compiler::Layer& l, int source, const Bounded& dy,
                     BoundedSums& dx);

}  // namespace anzan::reference
