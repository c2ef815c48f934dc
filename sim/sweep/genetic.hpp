// NSGA-II (Deb and others, 2002), as pagmo has it, over the levels of axes; with points beside the front
// where a generation has little that is new.
#pragma once
#include "sim/sweep/sampler.hpp"

namespace anzan::sim {

// Ends when as many different points have been asked for as `points` says, or when a hundred generations have
// brought nothing new.
void sample_nsga2(const SweepFile& sweep, const EvaluateAll& evaluate);

}  // namespace anzan::sim
