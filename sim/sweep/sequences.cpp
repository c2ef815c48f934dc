// Small spaces are listed, so that points seldom admitted are found; of others points are drawn until they
// are.
#include "sim/sweep/sequences.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/random/sobol.hpp>
#include <functional>
#include <numeric>
#include <unordered_set>
#include <utility>

#include "sim/sweep/sweep_file.hpp"
#include "sim/training/random_generator.hpp"

namespace anzan::sim {
namespace {

constexpr double kFewPoints = 1'000'000;  // of a space: all are listed and shuffled
// Draws for a point, and at least, before it is said that there are none: half a minute.
constexpr std::uint64_t kDrawsForPoint = 1'000, kLeastDraws = 1'000'000, kMostDraws = 20'000'000;

// The first `count` of what `draw` gives that are different and that constraints admit.
std::vector<Levels> first_admitted(const Space& space, std::size_t count,
                                   const std::function<Levels()>& draw) {
  const std::uint64_t most = std::clamp(kDrawsForPoint * count, kLeastDraws, kMostDraws);
  std::unordered_set<std::uint64_t> seen;
  std::vector<Levels> points;
  for (std::uint64_t draws = 0; points.size() < count; ++draws) {
    if (draws == most)
      throw compiler::InputError(
          "/sampler/points",
          fmt::format("{}, of which {} were found in {} draws", count, points.size(), most),
          "fewer points, constraints that admit more of what is drawn, or the sampler random");
    Levels levels = draw();
    if (space.admits(levels) && seen.insert(space.number(levels)).second) points.push_back(std::move(levels));
  }
  return points;
}

// The level at `share`, from 0 to 1 in parts of 2^32, of an axis.
std::uint32_t level_at(std::uint64_t share, const Axis& axis) {
  return static_cast<std::uint32_t>((share * axis.levels.size()) >> 32);
}

// All points that constraints admit, by number.
std::vector<std::uint64_t> all_points(const Space& space) {
  std::vector<std::uint64_t> numbers;
  space.walk(space.related_order(),
             [&](const Levels& levels) { return numbers.push_back(space.number(levels)), true; });
  return numbers;
}

std::size_t points_of(const SweepFile& sweep) { return sweep.sampler["points"].get<std::size_t>(); }
std::uint32_t seed_of(const SweepFile& sweep) { return sweep.sampler["seed"].get<std::uint32_t>(); }

// Asks for all of `points`, some at a time.
void evaluate_in_parts(const std::vector<Levels>& points, const EvaluateAll& evaluate) {
  for (std::size_t from = 0; from < points.size(); from += kPointsAtATime) {
    std::vector<Request> part;
    for (std::size_t p = from; p < std::min(points.size(), from + kPointsAtATime); ++p)
      part.push_back({points[p]});
    evaluate(part);
  }
}

}  // namespace

std::vector<Levels> random_points(const Space& space, std::size_t count, std::uint32_t seed) {
  RandomGenerator random(seed, RandomGenerator::Purpose::kSweep, 0);
  std::vector<Levels> points;
  if (space.admitted_points().value_or(kFewPoints + 1) <= kFewPoints) {
    std::vector<std::uint64_t> numbers = all_points(space);
    for (std::size_t p = 0; p < std::min(count, numbers.size()); ++p) {
      std::swap(numbers[p], numbers[p + random.below(numbers.size() - p)]);
      points.push_back(space.levels_of(numbers[p]));
    }
    return points;
  }
  return first_admitted(space, count, [&] {
    Levels levels;
    for (const Axis& axis : space.axes())
      levels.push_back(static_cast<std::uint32_t>(random.below(axis.levels.size())));
    return levels;
  });
}

std::vector<Levels> sobol_points(const Space& space, std::size_t count) {
  boost::random::sobol sequence(space.axes().size());
  return first_admitted(space, count, [&] {
    Levels levels;
    for (const Axis& axis : space.axes()) levels.push_back(level_at(sequence() >> 32, axis));
    return levels;
  });
}

std::vector<Levels> latin_hypercube(const Space& space, std::size_t count, std::uint32_t seed) {
  RandomGenerator random(seed, RandomGenerator::Purpose::kSweep, 1);
  std::vector<Levels> hypercube;
  return first_admitted(space, count, [&] {
    if (hypercube.empty()) {
      hypercube.assign(count, Levels());
      for (const Axis& axis : space.axes()) {
        std::vector<std::uint64_t> parts(count);
        std::iota(parts.begin(), parts.end(), std::uint64_t{0});
        for (std::size_t p = 0; p < count; ++p) {
          std::swap(parts[p], parts[p + random.below(count - p)]);
          const std::uint64_t inside = random.below(std::uint64_t{1} << 32);
          hypercube[p].push_back(level_at(((parts[p] << 32) + inside) / count, axis));
        }
      }
    }
    Levels levels = std::move(hypercube.back());
    hypercube.pop_back();
    return levels;
  });
}

void sample_random(const SweepFile& sweep, const EvaluateAll& evaluate) {
  evaluate_in_parts(random_points(sweep.space, points_of(sweep), seed_of(sweep)), evaluate);
}
void sample_sobol(const SweepFile& sweep, const EvaluateAll& evaluate) {
  evaluate_in_parts(sobol_points(sweep.space, points_of(sweep)), evaluate);
}
void sample_latin_hypercube(const SweepFile& sweep, const EvaluateAll& evaluate) {
  evaluate_in_parts(latin_hypercube(sweep.space, points_of(sweep), seed_of(sweep)), evaluate);
}

}  // namespace anzan::sim
