// Large gradients of weights are computed and used up part by part, so that one small piece of memory serves
// all parts.
#pragma once
#include "compiler/graph/graph.hpp"

namespace anzan::compiler {

// Gradients of more than Graph::memory.weight_gradient_kib become parts of whole blocks of input channels,
// each with its own update. Throws InputError where all gradients have to be there before the first update.
void divide_weight_gradients(Graph& graph);
// Whether an update may come before the last gradient is there.
bool divides_weight_gradients(const Input& input);

}  // namespace anzan::compiler
