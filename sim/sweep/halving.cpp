// With several objectives, a point is better that is in an earlier Pareto front; among those of one front,
// one that was drawn earlier: so all of a front have the same chance.
#include "sim/sweep/halving.hpp"

#include <algorithm>
#include <cmath>

#include "sim/sweep/pareto.hpp"
#include "sim/sweep/sequences.hpp"
#include "sim/sweep/sweep_file.hpp"

namespace anzan::sim {

std::vector<std::size_t> points_of_rungs(const nlohmann::json& sampler) {
  std::vector<std::size_t> points{sampler["points"].get<std::size_t>()};
  const auto factor = sampler["reduction_factor"].get<double>();
  while (points.size() < sampler["rungs"].size())
    points.push_back(std::max<std::size_t>(
        1, static_cast<std::size_t>(std::floor(static_cast<double>(points.back()) / factor + 1e-9))));
  return points;
}

void sample_halving(const SweepFile& sweep, const EvaluateAll& evaluate) {
  const std::vector<std::size_t> sizes = points_of_rungs(sweep.sampler);
  std::vector<Levels> points =
      random_points(sweep.space, sizes[0], sweep.sampler["seed"].get<std::uint32_t>());
  for (std::size_t rung = 0; rung < sizes.size() && !points.empty(); ++rung) {
    std::vector<Request> all;
    for (const Levels& levels : points)
      all.push_back({levels, sweep.sampler["rungs"][rung].get<std::int64_t>()});
    const std::vector<std::optional<Objectives>> results = evaluate(all);
    if (rung + 1 == sizes.size()) break;
    std::vector<Levels> done;
    std::vector<Objectives> objectives;
    for (std::size_t p = 0; p < points.size(); ++p) {
      if (!results[p]) continue;
      done.push_back(points[p]);
      objectives.push_back(*results[p]);
    }
    const std::vector<std::uint32_t> ranks = pareto_ranks(objectives);
    std::vector<std::size_t> order(done.size());
    for (std::size_t p = 0; p < order.size(); ++p) order[p] = p;
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return ranks[a] < ranks[b]; });
    points.clear();
    for (std::size_t p = 0; p < std::min(order.size(), sizes[rung + 1]); ++p)
      points.push_back(done[order[p]]);
  }
}

}  // namespace anzan::sim
