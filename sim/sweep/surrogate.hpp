// ParEGO (Knowles, 2006): a Gaussian process learns a random mixture of the objectives, and the point of
// which most is expected is looked at next. For points that take long.
#pragma once
#include "sim/sweep/sampler.hpp"

namespace anzan::sim {

void sample_surrogate(const SweepFile& sweep, const EvaluateAll& evaluate);

}  // namespace anzan::sim
