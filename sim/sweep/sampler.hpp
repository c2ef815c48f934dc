// Which points of a space are looked at: in an order that depends on nothing but the sweep's file and on what
// came of the points before. So a sweep that was killed goes on by asking for the same points again.
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "sim/sweep/space.hpp"

namespace anzan::sim {

struct Request {
  Levels levels;
  std::int64_t steps = 0;  // where points are trained: until this step; 0: to the end
};

// Objectives as the sweep's file orders them, turned such that less is better; none where a point was
// refused, has failed, or violates a constraint on results.
using Objectives = std::vector<double>;
using EvaluateAll = std::function<std::vector<std::optional<Objectives>>(const std::vector<Request>&)>;

struct SweepFile;
// Asks `evaluate` for all points that the sampler of `sweep` wants. Throws what `evaluate` throws.
void sample(const SweepFile& sweep, const EvaluateAll& evaluate);

}  // namespace anzan::sim
