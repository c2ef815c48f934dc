// Which points of a space are looked at: in an order that depends on nothing but the sweep's file and on what
// came of the points before. So a sweep that was killed goes on by asking for the same points again.
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "compiler/input/input_error.hpp"
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
// Asks `evaluate` for all points that the sampler of `sweep` wants, up to some thousand at a time. Throws
// what `evaluate` throws, and InputError, before it asks for any, where there are not so many points.
void sample(const SweepFile& sweep, const EvaluateAll& evaluate);

// Whether what it asks for depends on what came of points before.
bool looks_at_results(const SweepFile& sweep);

// How many points sample() will ask for, at most.
std::uint64_t requests(const SweepFile& sweep);

// Names of all samplers.
std::vector<std::string> sampler_kinds();

// Fills in the keys that the sampler takes, and checks them against the space and the rest of the file, which
// has been read.
void check_sampler(SweepFile& sweep, const std::string& place, std::vector<compiler::InputFinding>& findings);

}  // namespace anzan::sim
