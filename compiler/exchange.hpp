// The exchange of a training step: gradients become sums over all cores.
#pragma once
#include <cstdint>
#include <vector>

#include "compiler/lowering.hpp"

namespace anzan::compiler {

// Gradients to be summed over the cores, and the cycle by which the tensor unit has come so far.
struct GradientReady {
  const Op* op;
  std::int64_t cycle;
};
void lower_exchange(Lowering& low, const std::vector<GradientReady>& ready);

}  // namespace anzan::compiler
