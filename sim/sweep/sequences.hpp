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

// The first `count` points of Sobol's sequence, and of Latin hypercubes of `count` points one after another,
// that are different and that constraints admit. Of one hypercube of n points, each n-th of an axis has
// exactly one. Throw InputError where so many are not found.
std::vector<Levels> sobol_points(const Space& space, std::size_t count);
std::vector<Levels> latin_hypercube(const Space& space, std::size_t count, std::uint32_t seed);

void sample_sobol(const SweepFile& sweep, const EvaluateAll& evaluate);
void sample_latin_hypercube(const SweepFile& sweep, const EvaluateAll& evaluate);
void sample_random(const SweepFile& sweep, const EvaluateAll& evaluate);

}  // namespace anzan::sim
