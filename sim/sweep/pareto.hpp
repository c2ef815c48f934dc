// Pareto fronts: points of which none is better in one objective and nowhere worse. Less is better; all
// points have as many objectives, and these are finite.
#pragma once
#include <cstdint>
#include <vector>

#include "sim/sweep/sampler.hpp"

namespace anzan::sim {

// Whether `a` is nowhere worse than `b`, and better somewhere.
bool dominates(const Objectives& a, const Objectives& b);

// Those that no other dominates, ascending; points with equal objectives are all in it. Up to three
// objectives n log n, with more at most n times the front.
std::vector<std::size_t> pareto_front(const std::vector<Objectives>& points);

// Of each point: in the how manieth front it is, from 0, if each is taken away before the next.
std::vector<std::uint32_t> pareto_ranks(const std::vector<Objectives>& points);

}  // namespace anzan::sim
