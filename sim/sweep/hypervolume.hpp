// The hypervolume of a set of points: how much of the space of objectives they dominate (Zitzler and Thiele,
// 1998).
#pragma once
#include <vector>

#include "sim/sweep/sampler.hpp"

namespace anzan::sim {

// What lies between `reference` and at least one of `points`; less is better. Points that are not better than
// the reference in all objectives do not count. Two objectives or more.
double hypervolume(const std::vector<Objectives>& points, const Objectives& reference);

}  // namespace anzan::sim
