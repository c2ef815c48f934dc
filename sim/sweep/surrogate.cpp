// Points of one batch are chosen one after another, each by a mixture of its own; of those that are chosen
// but not known yet, the process believes what it expects.
#include "sim/sweep/surrogate.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <unordered_set>

#include "sim/sweep/gaussian_process.hpp"
#include "sim/sweep/pareto.hpp"
#include "sim/sweep/sequences.hpp"
#include "sim/sweep/sweep_file.hpp"
#include "sim/training/random_generator.hpp"

namespace anzan::sim {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

constexpr double kFewCandidates = 4'000;                                   // of a space: all are
constexpr std::size_t kDrawnCandidates = 2'000, kCandidateDraws = 40'000;  // of a larger one
constexpr double kFewAdmitted = 0.05;                                      // of all points
constexpr double kOfSum = 0.05;  // of the sum of objectives in a mixture, as Knowles has it

// Levels as inputs of the process: an axis of numbers is one, from 0 to 1 by level; of another each level is
// one, and any two levels are as far from each other as the ends of an axis of numbers.
class Encoding {
 public:
  explicit Encoding(const Space& space) {
    for (std::size_t a = 0; a < space.axes().size(); ++a) {
      const std::vector<Settings>& levels = space.axes()[a].levels;
      const bool numbers = std::all_of(levels.begin(), levels.end(), [](const Settings& level) {
        return level.size() == 1 && level[0].value.is_number();
      });
      first_.push_back(group_of_.size());
      steps_.push_back(numbers ? 1 / std::max(1.0, static_cast<double>(levels.size() - 1)) : 0);
      group_of_.insert(group_of_.end(), numbers ? 1 : levels.size(), static_cast<int>(a));
    }
  }

  const std::vector<int>& group_of() const { return group_of_; }
  MatrixXd operator()(const std::vector<Levels>& points) const {
    MatrixXd x = MatrixXd::Zero(static_cast<Index>(points.size()), static_cast<Index>(group_of_.size()));
    for (std::size_t p = 0; p < points.size(); ++p) {
      for (std::size_t a = 0; a < first_.size(); ++a) {
        const auto row = static_cast<Index>(p), column = static_cast<Index>(first_[a]);
        if (steps_[a] > 0)
          x(row, column) = steps_[a] * points[p][a];
        else
          x(row, column + static_cast<Index>(points[p][a])) = std::sqrt(0.5);
      }
    }
    return x;
  }

 private:
  std::vector<std::size_t> first_;
  std::vector<double> steps_;
  std::vector<int> group_of_;
};

class Surrogate {
 public:
  Surrogate(const SweepFile& sweep, const EvaluateAll& evaluate)
      : sweep_(sweep),
        evaluate_(evaluate),
        encoding_(sweep.space),
        seed_(sweep.sampler["seed"].get<std::uint32_t>()),
        random_(seed_, RandomGenerator::Purpose::kSweep, 2) {
    scales_.lengths.assign(sweep.space.axes().size(), 1);
    if (sweep.space.admitted_points().value_or(kFewCandidates + 1) <= kFewCandidates)
      all_ = random_points(sweep.space, static_cast<std::size_t>(*sweep.space.admitted_points()), seed_);
  }

  void run() {
    const auto count = sweep_.sampler["points"].get<std::size_t>(),
               batch = sweep_.sampler["batch"].get<std::size_t>();
    look_at(first_points(sweep_.sampler["initial"].get<std::size_t>()));
    while (points_.size() < count) {
      const std::vector<Levels> next = choose(std::min(batch, count - points_.size()));
      if (next.empty()) return;
      look_at(next);
    }
  }

 private:
  // Of a hypercube little is left where constraints exclude nearly all.
  std::vector<Levels> first_points(std::size_t count) const {
    const std::optional<double> admitted = sweep_.space.admitted_points();
    const double least =
        std::max(kFewAdmitted * sweep_.space.grid_points(), 2.0 * static_cast<double>(count));
    return admitted && *admitted < least ? random_points(sweep_.space, count, seed_)
                                         : latin_hypercube(sweep_.space, count, seed_);
  }

  void look_at(const std::vector<Levels>& points) {
    std::vector<Request> all;
    for (const Levels& levels : points) all.push_back({levels});
    const std::vector<std::optional<Objectives>> results = evaluate_(all);
    points_.insert(points_.end(), points.begin(), points.end());
    results_.insert(results_.end(), results.begin(), results.end());
    for (const Levels& levels : points) seen_.insert(sweep_.space.number(levels));
  }

  // Objectives from 0 to 1 over all solutions; as logarithms where they are positive and of several
  // magnitudes.
  std::vector<std::optional<Objectives>> normalised() const {
    std::vector<std::optional<Objectives>> all = results_;
    for (std::size_t k = 0; k < sweep_.objectives.size(); ++k) {
      double least = std::numeric_limits<double>::infinity(), most = -least;
      for (const auto& one : all) {
        if (!one) continue;
        least = std::min(least, (*one)[k]);
        most = std::max(most, (*one)[k]);
      }
      const bool logarithmic = least > 0 && most > 4 * least;
      const auto on_scale = [&](double value) { return logarithmic ? std::log(value) : value; };
      for (auto& one : all)
        if (one)
          (*one)[k] =
              most > least ? (on_scale((*one)[k]) - on_scale(least)) / (on_scale(most) - on_scale(least)) : 0;
    }
    return all;
  }

  // The mixture that is to be least; where there are no objectives, the worst of all.
  VectorXd mixture(const std::vector<std::optional<Objectives>>& normal,
                   const std::vector<double>& weights) const {
    VectorXd y(static_cast<Index>(normal.size()));
    double worst = 0;
    for (std::size_t p = 0; p < normal.size(); ++p) {
      double greatest = 0, sum = 0;
      for (std::size_t k = 0; normal[p] && k < weights.size(); ++k) {
        greatest = std::max(greatest, weights[k] * (*normal[p])[k]);
        sum += weights[k] * (*normal[p])[k];
      }
      y(static_cast<Index>(p)) = greatest + kOfSum * sum;
      worst = std::max(worst, greatest + kOfSum * sum);
    }
    for (std::size_t p = 0; p < normal.size(); ++p)
      if (!normal[p]) y(static_cast<Index>(p)) = worst;
    return y;
  }

  // Evenly from all that are positive and have the sum 1.
  std::vector<double> weights() {
    std::vector<double> all;
    double sum = 0;
    for (std::size_t k = 0; k < sweep_.objectives.size(); ++k) {
      all.push_back(-std::log(1 - random_.uniform()));
      sum += all.back();
    }
    for (double& weight : all) weight = all.size() > 1 ? weight / sum : 1;
    return all;
  }

  std::vector<Levels> choose(std::size_t count) {
    const std::vector<std::optional<Objectives>> normal = normalised();
    std::vector<Levels> chosen;
    const std::vector<Levels> candidates = unseen();
    std::vector<bool> taken(candidates.size(), false);
    const MatrixXd known = encoding_(points_), inputs = encoding_(candidates);
    while (chosen.size() < std::min(count, candidates.size())) {
      const VectorXd y = mixture(normal, weights());
      GaussianProcess process = fitted(known, y, encoding_.group_of(), scales_);
      scales_ = process.scales();
      if (!chosen.empty()) {
        const MatrixXd more = encoding_(chosen);
        MatrixXd x(known.rows() + more.rows(), known.cols());
        VectorXd believed(x.rows());
        x << known, more;
        believed << y, process.at(more).mean;
        process = GaussianProcess(x, believed, encoding_.group_of(), scales_);
      }
      const Prediction prediction = process.at(inputs);
      std::size_t best = candidates.size();
      double most = -1;
      for (std::size_t c = 0; c < candidates.size(); ++c) {
        const auto row = static_cast<Index>(c);
        const double gain =
            expected_improvement(prediction.mean(row), prediction.deviation(row), y.minCoeff());
        if (taken[c] || gain <= most) continue;
        most = gain;
        best = c;
      }
      taken[best] = true;
      chosen.push_back(candidates[best]);
    }
    return chosen;
  }

  // Points that may be looked at: all, or some that are drawn and the neighbours of the front.
  std::vector<Levels> unseen() {
    std::vector<Levels> candidates;
    std::unordered_set<std::uint64_t> numbers = seen_;
    const auto add = [&](const Levels& levels) {
      if (sweep_.space.admits(levels) && numbers.insert(sweep_.space.number(levels)).second)
        candidates.push_back(levels);
    };
    if (!all_.empty()) {
      std::for_each(all_.begin(), all_.end(), add);
      return candidates;
    }
    for (std::size_t draw = 0; draw < kCandidateDraws && candidates.size() < kDrawnCandidates; ++draw) {
      Levels levels;
      for (const Axis& axis : sweep_.space.axes())
        levels.push_back(static_cast<std::uint32_t>(random_.below(axis.levels.size())));
      add(levels);
    }
    std::vector<Objectives> solutions;
    std::vector<std::size_t> of;
    for (std::size_t p = 0; p < points_.size(); ++p) {
      if (!results_[p]) continue;
      solutions.push_back(*results_[p]);
      of.push_back(p);
    }
    for (const std::size_t f : pareto_front(solutions)) neighbours(points_[of[f]], add);
    return candidates;
  }

  template <class Add>
  void neighbours(const Levels& point, const Add& add) const {
    for (std::size_t a = 0; a < point.size(); ++a) {
      const auto levels = static_cast<std::uint32_t>(sweep_.space.axes()[a].levels.size());
      for (const std::uint32_t level : {point[a] + 1, point[a] + levels - 1}) {
        Levels neighbour = point;
        neighbour[a] = level % levels;
        add(neighbour);
      }
    }
  }

  const SweepFile& sweep_;
  const EvaluateAll& evaluate_;
  Encoding encoding_;
  std::uint32_t seed_;
  RandomGenerator random_;
  Scales scales_;
  std::vector<Levels> all_;  // where the space is small
  std::vector<Levels> points_;
  std::vector<std::optional<Objectives>> results_;
  std::unordered_set<std::uint64_t> seen_;
};

}  // namespace

void sample_surrogate(const SweepFile& sweep, const EvaluateAll& evaluate) {
  Surrogate(sweep, evaluate).run();
}

}  // namespace anzan::sim
