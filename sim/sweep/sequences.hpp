// Points that depend on nothing that comes of others.
#pragma once
#include <cstdint>
#include <vector>

#include "sim/sweep/sampler.hpp"

namespace anzan::sim {

// Points that are asked for at a time.
inline constexpr std::size_t kPointsAtATime = 4096;

// `count` different points that constraints admit, drawn with equal chances. Throws InputError where so many
// are not found.
std::vector<Levels> random_points(const Space& space, std::size_t count, std::uint32_t seed);

void sample_random(const SweepFile& sweep, const EvaluateAll& evaluate);

}  // namespace anzan::sim
