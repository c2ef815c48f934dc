// Updates of parameters, by gradients from HBM or by those that another operation has left in the scratchpad;
// and the first quantisation of initial values.
#pragma once
#include <cstdint>
#include <vector>

#include "compiler/lowering/parameter_walk.hpp"

namespace anzan::compiler {

// Without `store`, only the statistics of the momentum are taken.
void lower_update(Lowering& low, const Op& op, bool store);

// A stored parameter, and the tensor that the driver writes its initial values to.
struct InitialValues {
  const TensorInfo *stored, *initial;
};
// All that the graph stores. Those of one slot stand together, in the order of the first of each.
std::vector<std::vector<InitialValues>> initial_values_by_slot(const Graph& graph);
void lower_initialize(Lowering& low, const std::vector<InitialValues>& of_a_slot, Listing& listing);

// The update of these rows only.
void lower_update(Lowering& low, const Op& op, const GradientRows& gradient);

}  // namespace anzan::compiler
