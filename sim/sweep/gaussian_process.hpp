// Regression by a Gaussian process (Rasmussen and Williams, 2006): Matérn 5/2, a length scale for each group
// of inputs, noise; the scales are those with the greatest likelihood that a descent from the former ones
// finds.
#pragma once
#include <Eigen/Dense>
#include <vector>

namespace anzan::sim {

struct Scales {
  std::vector<double> lengths;  // of each group of inputs
  double noise = 1e-4;          // variance of noise, in that of the signal
};

struct Prediction {
  Eigen::VectorXd mean, deviation;  // of the function, without noise
};

class GaussianProcess {
 public:
  // A row of `x` for each value of `y`; `group_of` each column, the number of its length scale.
  GaussianProcess(const Eigen::MatrixXd& x, const Eigen::VectorXd& y, std::vector<int> group_of,
                  Scales scales);

  // -log of the marginal likelihood with the best mean and signal variance, but for a constant.
  double misfit() const { return misfit_; }
  double signal_variance() const { return variance_; }
  const Scales& scales() const { return scales_; }
  Prediction at(const Eigen::MatrixXd& points) const;

 private:
  Eigen::MatrixXd kernel(const Eigen::MatrixXd& a, const Eigen::MatrixXd& b) const;  // of scaled inputs
  Eigen::MatrixXd scaled(const Eigen::MatrixXd& x) const;

  std::vector<int> group_of_;
  Scales scales_;
  Eigen::MatrixXd x_;  // scaled
  Eigen::LLT<Eigen::MatrixXd> factor_;
  Eigen::VectorXd weights_;
  double mean_ = 0, variance_ = 1, misfit_ = 0;
};

// The process with the best scales that a descent from `start` finds, one scale after another.
GaussianProcess fitted(const Eigen::MatrixXd& x, const Eigen::VectorXd& y, const std::vector<int>& group_of,
                       Scales start);

// How much less than `least` a value with this mean and deviation is expected to be, where it is (Mockus,
// 1975).
double expected_improvement(double mean, double deviation, double least);

}  // namespace anzan::sim
