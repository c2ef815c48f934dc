// Points that have been looked at are remembered: asking for one again costs nothing, and is no point.
#include "sim/sweep/genetic.hpp"

#include <algorithm>
#include <cmath>
#include <memory>
#include <pagmo/algorithm.hpp>
#include <pagmo/algorithms/nsga2.hpp>
#include <pagmo/batch_evaluators/default_bfe.hpp>
#include <pagmo/bfe.hpp>
#include <pagmo/population.hpp>
#include <pagmo/problem.hpp>
#include <unordered_map>

#include "sim/sweep/pareto.hpp"
#include "sim/sweep/sequences.hpp"
#include "sim/sweep/sweep_file.hpp"
#include "sim/training/random_generator.hpp"

namespace anzan::sim {
namespace {

// Of two parents, as Deb has it. One axis in each child mutates, on average, to any of its levels.
constexpr double kCrossover = 0.9;
constexpr int kIdleGenerations = 100;  // without anything new: it has converged
constexpr double kPenalty = 1e100;     // of what is no solution: worse than all

// All points that have been asked for, and what came of them.
class Archive {
 public:
  Archive(const SweepFile& sweep, const EvaluateAll& evaluate)
      : space_(sweep.space),
        evaluate_(evaluate),
        objectives_(std::max<std::size_t>(sweep.objectives.size(), 2)),
        left_(sweep.sampler["points"].get<std::size_t>()) {}

  std::size_t objectives() const { return objectives_; }
  std::size_t left() const { return left_; }
  const Space& space() const { return space_; }
  bool has(const Levels& levels) const { return known_.count(space_.number(levels)) > 0; }

  // Asks for those that are new, in their order, as far as points are left.
  void look_at(const std::vector<Levels>& points) {
    std::vector<Request> fresh;
    for (const Levels& levels : points) {
      if (fresh.size() == left_) break;
      if (space_.admits(levels) && known_.emplace(space_.number(levels), std::vector<double>()).second)
        fresh.push_back({levels});
    }
    if (fresh.empty()) return;
    left_ -= fresh.size();
    const std::vector<std::optional<Objectives>> results = evaluate_(fresh);
    for (std::size_t p = 0; p < fresh.size(); ++p) {
      // pagmo wants two objectives: one alone stands twice
      Objectives values = results[p].value_or(Objectives(objectives_, next_penalty()));
      values.resize(objectives_, values[0]);
      if (results[p]) {
        solutions_.push_back(fresh[p].levels);
        of_solutions_.push_back(values);
      }
      known_[space_.number(fresh[p].levels)] = std::move(values);
    }
  }

  // Of a point that has been looked at, or cannot be.
  std::vector<double> fitness(const Levels& levels) {
    const auto found = known_.find(space_.number(levels));
    return found == known_.end() ? std::vector<double>(objectives_, next_penalty()) : found->second;
  }

  std::vector<Levels> front() const {
    std::vector<Levels> points;
    for (const std::size_t f : pareto_front(of_solutions_)) points.push_back(solutions_[f]);
    return points;
  }

 private:
  // No two are equal: crowding distances of points that are all alike are no numbers.
  double next_penalty() { return kPenalty * (1 + 1e-9 * static_cast<double>(++penalties_)); }

  const Space& space_;
  const EvaluateAll& evaluate_;
  std::size_t objectives_;
  std::size_t left_;
  std::uint64_t penalties_ = 0;
  std::unordered_map<std::uint64_t, std::vector<double>> known_;
  std::vector<Levels> solutions_;
  std::vector<Objectives> of_solutions_;
};

Levels levels_at(const double* x, std::size_t axes) {
  Levels levels(axes);
  for (std::size_t a = 0; a < axes; ++a) levels[a] = static_cast<std::uint32_t>(std::lround(x[a]));
  return levels;
}

// What pagmo is told of the space.
struct LevelsProblem {
  std::shared_ptr<Archive> archive;

  std::vector<double> fitness(const std::vector<double>& x) const {
    return archive->fitness(levels_at(x.data(), x.size()));
  }
  std::pair<std::vector<double>, std::vector<double>> get_bounds() const {
    std::vector<double> last;
    for (const Axis& axis : archive->space().axes())
      last.push_back(static_cast<double>(axis.levels.size() - 1));
    return {std::vector<double>(last.size(), 0), last};
  }
  std::size_t get_nobj() const { return archive->objectives(); }
  std::size_t get_nix() const { return archive->space().axes().size(); }
  template <class Archiver>
  void serialize(Archiver&, unsigned) {}  // pagmo asks for it, and never calls it here
};

// A whole generation is evaluated at a time.
struct GenerationEvaluator {
  std::shared_ptr<Archive> archive;

  std::vector<double> operator()(const pagmo::problem& problem, const std::vector<double>& all) const {
    std::vector<Levels> points;
    for (std::size_t from = 0; from < all.size(); from += problem.get_nx())
      points.push_back(levels_at(all.data() + from, problem.get_nx()));
    archive->look_at(points);
    std::vector<double> fitness;
    for (const Levels& levels : points) {
      const std::vector<double> one = archive->fitness(levels);
      fitness.insert(fitness.end(), one.begin(), one.end());
    }
    return fitness;
  }
  template <class Archiver>
  void serialize(Archiver&, unsigned) {}
};

}  // namespace

void sample_nsga2(const SweepFile& sweep, const EvaluateAll& evaluate) {
  const auto size = sweep.sampler["population"].get<std::size_t>();
  const auto seed = sweep.sampler["seed"].get<std::uint32_t>();
  const std::size_t axes = sweep.space.axes().size();
  const auto archive = std::make_shared<Archive>(sweep, evaluate);
  const pagmo::problem problem(LevelsProblem{archive});
  pagmo::population population(problem, 0, seed);
  const std::vector<Levels> first = random_points(sweep.space, size, seed);
  archive->look_at(first);
  for (const Levels& levels : first)
    population.push_back(std::vector<double>(levels.begin(), levels.end()), archive->fitness(levels));
  pagmo::nsga2 nsga2(1, kCrossover, 10, 1.0 / static_cast<double>(axes), 50,
                     seed);  // indices: not of integers
  nsga2.set_bfe(pagmo::bfe(GenerationEvaluator{archive}));
  const pagmo::algorithm algorithm(nsga2);
  for (int idle = 0; archive->left() > 0 && idle < kIdleGenerations;) {
    const std::size_t before = archive->left();
    population = algorithm.evolve(population);
    idle = archive->left() < before ? 0 : idle + 1;
  }
}

}  // namespace anzan::sim
