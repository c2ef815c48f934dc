// Successive halving (Jamieson and Talwalkar, 2016): many points are trained for a short time, the best of
// them longer.
#pragma once
#include "sim/sweep/sampler.hpp"

namespace anzan::sim {

void sample_halving(const SweepFile& sweep, const EvaluateAll& evaluate);

// Points of each rung, the first with `points`: one in `reduction_factor` goes on, and at least one.
std::vector<std::size_t> points_of_rungs(const nlohmann::json& sampler);

}  // namespace anzan::sim
