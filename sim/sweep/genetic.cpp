// Points that have been looked at are remembered: asking for one again costs nothing, and is no point.
#include "sim/sweep/genetic.hpp"

#include <algorithm>
#include <cmath>
#include <memory>
#include <pagmo/algorithm.hpp>
#include <pagmo/algorithms/nsga2.hpp>
#include <pagmo/bfe.hpp>
#include <pagmo/population.hpp>
#include <pagmo/problem.hpp>
#include <pagmo/utils/multi_objective.hpp>
#include <unordered_map>
#include <unordered_set>

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

// A point as pagmo has it: the levels of the axes that have more than one.
class Genes {
 public:
  explicit Genes(const Space& space) : axes_(space.axes().size()) {
    for (std::size_t a = 0; a < axes_; ++a) {
      if (space.axes()[a].levels.size() == 1) continue;
      open_.push_back(a);
      last_.push_back(static_cast<double>(space.axes()[a].levels.size() - 1));
    }
  }

  std::size_t size() const { return open_.size(); }
  const std::vector<double>& last() const { return last_; }  // levels, of each
  Levels levels(const double* genes) const {
    Levels levels(axes_, 0);
    for (std::size_t g = 0; g < open_.size(); ++g)
      levels[open_[g]] = static_cast<std::uint32_t>(std::lround(genes[g]));
    return levels;
  }
  std::vector<double> of(const Levels& levels) const {
    std::vector<double> genes;
    for (const std::size_t axis : open_) genes.push_back(levels[axis]);
    return genes;
  }

 private:
  std::size_t axes_;
  std::vector<std::size_t> open_;
  std::vector<double> last_;
};

// All points that have been asked for, and what came of them.
class Archive {
 public:
  Archive(const SweepFile& sweep, const EvaluateAll& evaluate)
      : space_(sweep.space),
        genes_(sweep.space),
        evaluate_(evaluate),
        objectives_(std::max<std::size_t>(sweep.objectives.size(), 2)),
        left_(sweep.sampler["points"].get<std::size_t>()) {}

  std::size_t objectives() const { return objectives_; }
  std::size_t left() const { return left_; }
  const Genes& genes() const { return genes_; }

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

  // Points beside the front, a level away on one axis, that have not been looked at.
  std::vector<Levels> beside_front() const {
    std::vector<Levels> points;
    std::unordered_set<std::uint64_t> numbers;
    for (const std::size_t f : pareto_front(of_solutions_)) {
      for (std::size_t a = 0; a < solutions_[f].size(); ++a) {
        for (const std::uint32_t level : {solutions_[f][a] + 1, solutions_[f][a] - 1}) {
          Levels levels = solutions_[f];
          levels[a] = level;
          if (level >= space_.axes()[a].levels.size() || !space_.admits(levels) ||
              known_.count(space_.number(levels)) > 0)
            continue;
          if (numbers.insert(space_.number(levels)).second) points.push_back(std::move(levels));
        }
      }
    }
    return points;
  }

 private:
  // No two are equal: crowding distances of points that are all alike are no numbers.
  double next_penalty() { return kPenalty * (1 + 1e-9 * static_cast<double>(++penalties_)); }

  const Space& space_;
  Genes genes_;
  const EvaluateAll& evaluate_;
  std::size_t objectives_;
  std::size_t left_;
  std::uint64_t penalties_ = 0;
  std::unordered_map<std::uint64_t, std::vector<double>> known_;
  std::vector<Levels> solutions_;
  std::vector<Objectives> of_solutions_;
};

// What pagmo is told of the space.
struct LevelsProblem {
  std::shared_ptr<Archive> archive;

  std::vector<double> fitness(const std::vector<double>& x) const {
    return archive->fitness(archive->genes().levels(x.data()));
  }
  std::pair<std::vector<double>, std::vector<double>> get_bounds() const {
    return {std::vector<double>(archive->genes().size(), 0), archive->genes().last()};
  }
  std::size_t get_nobj() const { return archive->objectives(); }
  std::size_t get_nix() const { return archive->genes().size(); }
  template <class Archiver>
  void serialize(Archiver&, unsigned) {}  // pagmo asks for it, and never calls it here
};

// A whole generation is evaluated at a time.
struct GenerationEvaluator {
  std::shared_ptr<Archive> archive;

  std::vector<double> operator()(const pagmo::problem&, const std::vector<double>& all) const {
    const Genes& genes = archive->genes();
    std::vector<Levels> points;
    for (std::size_t from = 0; from < all.size(); from += genes.size())
      points.push_back(genes.levels(all.data() + from));
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

// Looks at up to `count` points beside the front, drawn from all of them.
std::vector<Levels> look_beside(Archive& archive, std::size_t count, RandomGenerator& random) {
  std::vector<Levels> points = archive.beside_front();
  for (std::size_t p = 0; p < std::min(count, points.size()); ++p)
    std::swap(points[p], points[p + random.below(points.size() - p)]);
  points.resize(std::min({count, points.size(), archive.left()}));
  archive.look_at(points);
  return points;
}

// As many as there were, the best of them and of `points`.
pagmo::population with(const pagmo::population& old, const std::vector<Levels>& points, Archive& archive) {
  if (points.empty()) return old;
  std::vector<std::vector<double>> genes = old.get_x(), fitness = old.get_f();
  for (const Levels& levels : points) {
    genes.push_back(archive.genes().of(levels));
    fitness.push_back(archive.fitness(levels));
  }
  pagmo::population best(old.get_problem(), 0, old.get_seed());
  for (const std::size_t p : pagmo::select_best_N_mo(fitness, old.size()))
    best.push_back(genes[p], fitness[p]);
  return best;
}

}  // namespace

void sample_nsga2(const SweepFile& sweep, const EvaluateAll& evaluate) {
  const auto size = sweep.sampler["population"].get<std::size_t>();
  const auto seed = sweep.sampler["seed"].get<std::uint32_t>();
  const auto archive = std::make_shared<Archive>(sweep, evaluate);
  const pagmo::problem problem(LevelsProblem{archive});
  const Genes& genes = archive->genes();
  pagmo::population population(problem, 0, seed);
  const std::vector<Levels> first = random_points(sweep.space, size, seed);
  archive->look_at(first);
  for (const Levels& levels : first) population.push_back(genes.of(levels), archive->fitness(levels));
  pagmo::nsga2 nsga2(1, kCrossover, 10, 1.0 / static_cast<double>(genes.size()), 50,
                     seed);  // indices: not of integers
  nsga2.set_bfe(pagmo::bfe(GenerationEvaluator{archive}));
  const pagmo::algorithm algorithm(nsga2);
  RandomGenerator random(seed, RandomGenerator::Purpose::kSweep, 3);
  for (int idle = 0; archive->left() > 0 && idle < kIdleGenerations;) {
    const std::size_t before = archive->left();
    population = algorithm.evolve(population);
    const std::size_t fresh = before - archive->left();
    if (fresh < size) population = with(population, look_beside(*archive, size - fresh, random), *archive);
    idle = archive->left() < before ? 0 : idle + 1;
  }
}

}  // namespace anzan::sim
