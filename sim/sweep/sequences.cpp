// Small spaces are listed, so that points seldom admitted are found; of others points are drawn until they
// are.
#include "sim/sweep/sequences.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "sim/sweep/sweep_file.hpp"
#include "sim/training/random_generator.hpp"

namespace anzan::sim {
namespace {

using Purpose = RandomGenerator::Purpose;

constexpr double kFewPoints = 1'000'000;          // of a space: all are listed and shuffled
constexpr std::uint64_t kMostDraws = 20'000'000;  // for points that constraints seldom admit: half a minute

[[noreturn]] void not_found(std::size_t found, std::size_t count) {
  throw compiler::InputError("/sampler/points",
                             fmt::format("{}, of which {} were found in {} draws", count, found, kMostDraws),
                             "fewer points, or constraints that admit more of what is drawn");
}

// All points that constraints admit, by number.
std::vector<std::uint64_t> all_points(const Space& space) {
  std::vector<std::uint64_t> numbers;
  space.walk(space.related_order(),
             [&](const Levels& levels) { return numbers.push_back(space.number(levels)), true; });
  return numbers;
}

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
  RandomGenerator random(seed, Purpose::kSweep, 0);
  std::vector<Levels> points;
  if (space.admitted_points().value_or(kFewPoints + 1) <= kFewPoints) {
    std::vector<std::uint64_t> numbers = all_points(space);
    for (std::size_t p = 0; p < std::min(count, numbers.size()); ++p) {
      std::swap(numbers[p], numbers[p + random.below(numbers.size() - p)]);
      points.push_back(space.levels_of(numbers[p]));
    }
    return points;
  }
  std::unordered_set<std::uint64_t> seen;
  for (std::uint64_t draw = 0; points.size() < count; ++draw) {
    if (draw == kMostDraws) not_found(points.size(), count);
    Levels levels;
    for (const Axis& axis : space.axes())
      levels.push_back(static_cast<std::uint32_t>(random.below(axis.levels.size())));
    if (space.admits(levels) && seen.insert(space.number(levels)).second) points.push_back(std::move(levels));
  }
  return points;
}

void sample_random(const SweepFile& sweep, const EvaluateAll& evaluate) {
  evaluate_in_parts(random_points(sweep.space, sweep.sampler["points"].get<std::size_t>(),
                                  sweep.sampler["seed"].get<std::uint32_t>()),
                    evaluate);
}

}  // namespace anzan::sim
