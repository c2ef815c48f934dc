// The exchange of a training step: gradients become sums over all cores, and these update the parameters.
#pragma once
#include <cstdint>
#include <vector>

#include "compiler/lowering/lowering.hpp"

namespace anzan::compiler {

// Gradients to be summed over the cores, and the cycle by which the tensor unit has come so far.
struct GradientReady {
  const Op* op;
  std::int64_t cycle;
};
// The operation that takes the sums of one of these gradients, and the slots of what it writes.
struct UpdateBySums {
  const Op* op;
  std::vector<int> slots;
};
// A slot whose values cores count that have other images, the last operation that does, and as above when.
struct CountersReady {
  int slot;
  const Op* op;
  std::int64_t cycle;
};
struct Exchanges {
  std::vector<GradientReady> gradients;
  std::vector<UpdateBySums> updates;
  std::vector<CountersReady> counters;
};
// Updates follow segment by segment, from the scratchpad; with none, the sums go back to HBM. Counters that
// the step has added to a slot's total become those of all cores, in total and window.
void lower_exchange(Lowering& low, const Exchanges& what, Listing& listing);

}  // namespace anzan::compiler
