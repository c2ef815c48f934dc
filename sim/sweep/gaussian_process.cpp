// The covariance is factored once (Cholesky); mean and signal variance follow from it in closed form.
#include "sim/sweep/gaussian_process.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace anzan::sim {

using Eigen::MatrixXd;
using Eigen::VectorXd;

GaussianProcess::GaussianProcess(const MatrixXd& x, const VectorXd& y, std::vector<int> group_of,
                                 Scales scales)
    : group_of_(std::move(group_of)), scales_(std::move(scales)), x_(scaled(x)) {
  const Eigen::Index n = y.size();
  MatrixXd covariance = kernel(x_, x_);
  covariance.diagonal().array() += scales_.noise + 1e-10;
  factor_.compute(covariance);
  const VectorXd ones = VectorXd::Ones(n), of_ones = factor_.solve(ones);
  mean_ = of_ones.dot(y) / of_ones.sum();
  const VectorXd centred = y - mean_ * ones;
  weights_ = factor_.solve(centred);
  variance_ = std::max(centred.dot(weights_) / static_cast<double>(n), 1e-300);
  const MatrixXd& triangle = factor_.matrixLLT();
  misfit_ = 0.5 * static_cast<double>(n) * std::log(variance_) + triangle.diagonal().array().log().sum();
}

MatrixXd GaussianProcess::scaled(const MatrixXd& x) const {
  MatrixXd result = x;
  for (Eigen::Index column = 0; column < x.cols(); ++column)
    result.col(column) /=
        scales_.lengths[static_cast<std::size_t>(group_of_[static_cast<std::size_t>(column)])];
  return result;
}

MatrixXd GaussianProcess::kernel(const MatrixXd& a, const MatrixXd& b) const {
  const VectorXd squares_a = a.rowwise().squaredNorm(), squares_b = b.rowwise().squaredNorm();
  MatrixXd squares = -2 * a * b.transpose();
  squares.colwise() += squares_a;
  squares.rowwise() += squares_b.transpose();
  const Eigen::ArrayXXd r = (5 * squares.array().max(0)).sqrt();
  return (1 + r + r.square() / 3) * (-r).exp();
}

Prediction GaussianProcess::at(const MatrixXd& points) const {
  const MatrixXd cross = kernel(x_, scaled(points));
  Prediction prediction;
  prediction.mean = (cross.transpose() * weights_).array() + mean_;
  const MatrixXd solved = factor_.matrixL().solve(cross);
  prediction.deviation = (variance_ * (1 - solved.colwise().squaredNorm().transpose().array()).max(0)).sqrt();
  return prediction;
}

GaussianProcess fitted(const MatrixXd& x, const VectorXd& y, const std::vector<int>& group_of, Scales start) {
  constexpr double kShortest = 0.05, kLongest = 20, kLeastNoise = 1e-6, kMostNoise = 1;
  GaussianProcess best(x, y, group_of, std::move(start));
  const auto tried = [&](const Scales& scales) {
    GaussianProcess other(x, y, group_of, scales);
    const bool better = other.misfit() < best.misfit() - 1e-9;
    if (better) best = std::move(other);
    return better;
  };
  for (double factor : {3.0, 1.6}) {
    for (std::size_t g = 0; g < best.scales().lengths.size(); ++g) {
      for (const double step : {factor, 1 / factor}) {
        Scales scales = best.scales();
        scales.lengths[g] = std::clamp(scales.lengths[g] * step, kShortest, kLongest);
        if (tried(scales)) break;
      }
    }
    for (const double step : {10.0, 0.1}) {
      Scales scales = best.scales();
      scales.noise = std::clamp(scales.noise * step, kLeastNoise, kMostNoise);
      if (tried(scales)) break;
    }
  }
  return best;
}

double expected_improvement(double mean, double deviation, double least) {
  if (deviation <= 0) return std::max(least - mean, 0.0);
  const double z = (least - mean) / deviation;
  const double density = std::exp(-z * z / 2) / std::sqrt(2 * M_PI),
               share = std::erfc(-z / std::sqrt(2.0)) / 2;
  return deviation * (z * share + density);
}

}  // namespace anzan::sim
