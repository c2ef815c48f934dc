// Every point that constraints admit.
#pragma once
#include "sim/sweep/sampler.hpp"

namespace anzan::sim {

void sample_grid(const SweepFile& sweep, const EvaluateAll& evaluate);

}  // namespace anzan::sim
