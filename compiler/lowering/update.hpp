// Updates of parameters, by gradients from HBM or by those that another operation has left in the scratchpad;
// and the first quantisation of initial values.
#pragma once
#include <cstdint>
#include <vector>

#include "compiler/graph/initial_piece.hpp"
#include "compiler/lowering/parameter_walk.hpp"

namespace anzan::compiler {

// Without `store`, only the statistics of the momentum are taken.
void lower_update(Lowering& low, const Op& op, bool store);

void lower_initialize(Lowering& low, const InitialPiece& piece, const InitialStep& step, Listing& listing);

// The update of these rows only.
void lower_update(Lowering& low, const Op& op, const GradientRows& gradient);

}  // namespace anzan::compiler
