// The process against the formulas of the book, solved by elimination on plain arrays; expected improvement
// against an integral.
#include "sim/sweep/gaussian_process.hpp"

#include <gmock/gmock.h>

#include <cmath>

namespace anzan::sim::gaussian_process_test {
namespace {

using Matrix = std::vector<std::vector<double>>;

// Solution of a x = b, and the determinant of a.
std::pair<std::vector<double>, double> solved(Matrix a, std::vector<double> b) {
  const std::size_t n = b.size();
  double determinant = 1;
  for (std::size_t k = 0; k < n; ++k) {
    determinant *= a[k][k];
    for (std::size_t i = k + 1; i < n; ++i) {
      const double factor = a[i][k] / a[k][k];
      for (std::size_t j = k; j < n; ++j) a[i][j] -= factor * a[k][j];
      b[i] -= factor * b[k];
    }
  }
  for (std::size_t k = n; k-- > 0;) {
    for (std::size_t j = k + 1; j < n; ++j) b[k] -= a[k][j] * b[j];
    b[k] /= a[k][k];
  }
  return {b, determinant};
}

double dot(const std::vector<double>& a, const std::vector<double>& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

double matern(const std::vector<double>& a, const std::vector<double>& b,
              const std::vector<double>& lengths) {
  double square = 0;
  for (std::size_t k = 0; k < a.size(); ++k) square += std::pow((a[k] - b[k]) / lengths[k], 2);
  const double r = std::sqrt(square);
  return (1 + std::sqrt(5.0) * r + 5.0 / 3 * r * r) * std::exp(-std::sqrt(5.0) * r);
}

const Matrix kPoints{{0, 0.5}, {0.25, 1}, {0.5, 0}, {1, 0.75}, {0.9, 0.1}};
const std::vector<double> kValues{1, 2.5, -1, 0.5, 3};

Eigen::MatrixXd eigen(const Matrix& rows) {
  Eigen::MatrixXd m(rows.size(), rows[0].size());
  for (std::size_t i = 0; i < rows.size(); ++i)
    for (std::size_t j = 0; j < rows[0].size(); ++j)
      m(static_cast<Eigen::Index>(i), static_cast<Eigen::Index>(j)) = rows[i][j];
  return m;
}
Eigen::VectorXd eigen(const std::vector<double>& values) {
  return Eigen::Map<const Eigen::VectorXd>(values.data(), static_cast<Eigen::Index>(values.size()));
}

TEST(GaussianProcess, IsThatOfTheBook) {
  const Scales scales{{0.4, 0.7}, 0.01};
  const GaussianProcess process(eigen(kPoints), eigen(kValues), {0, 1}, scales);
  const std::size_t n = kPoints.size();
  Matrix k(n, std::vector<double>(n));
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < n; ++j)
      k[i][j] = matern(kPoints[i], kPoints[j], scales.lengths) + (i == j ? scales.noise : 0);
  const std::vector<double> ones(n, 1);
  const auto [of_ones, determinant] = solved(k, ones);
  const double mean = dot(of_ones, kValues) / dot(of_ones, ones);
  std::vector<double> centred = kValues;
  for (double& value : centred) value -= mean;
  const std::vector<double> weights = solved(k, centred).first;
  const double variance = dot(centred, weights) / static_cast<double>(n);
  EXPECT_NEAR(process.signal_variance(), variance, 1e-7);
  EXPECT_NEAR(process.misfit(),
              0.5 * static_cast<double>(n) * std::log(variance) + 0.5 * std::log(determinant), 1e-6);
  const Matrix asked{{0.3, 0.3}, {0.5, 0}, {5, 5}};
  const Prediction prediction = process.at(eigen(asked));
  for (std::size_t a = 0; a < asked.size(); ++a) {
    std::vector<double> cross;
    for (const std::vector<double>& point : kPoints) cross.push_back(matern(point, asked[a], scales.lengths));
    EXPECT_NEAR(prediction.mean(static_cast<Eigen::Index>(a)), mean + dot(cross, weights), 1e-7);
    EXPECT_NEAR(prediction.deviation(static_cast<Eigen::Index>(a)),
                std::sqrt(variance * (1 - dot(cross, solved(k, cross).first))), 1e-6);
  }
}

TEST(GaussianProcess, FitsNoWorseThanItBegan) {
  Matrix points;
  std::vector<double> values;
  for (int i = 0; i < 40; ++i) {
    points.push_back({i * 0.618034 - std::floor(i * 0.618034), i * 0.414214 - std::floor(i * 0.414214)});
    values.push_back(std::sin(9 * points.back()[0]));  // the second input says nothing
  }
  const Scales start{{1, 1}, 1e-4};
  const GaussianProcess process = fitted(eigen(points), eigen(values), {0, 1}, start);
  EXPECT_LT(process.misfit(), GaussianProcess(eigen(points), eigen(values), {0, 1}, start).misfit());
  EXPECT_GT(process.scales().lengths[1], 2 * process.scales().lengths[0]);
  const Prediction prediction = process.at(eigen(Matrix{{0.35, 0.2}, {0.8, 0.9}}));
  EXPECT_NEAR(prediction.mean(0), std::sin(9 * 0.35), 0.05);
  EXPECT_NEAR(prediction.mean(1), std::sin(9 * 0.8), 0.05);
}

TEST(ExpectedImprovement, IsTheIntegral) {
  for (const double mean : {-1.0, 0.2, 2.0}) {
    for (const double deviation : {0.1, 1.5}) {
      double integral = 0;
      const double step = deviation * 1e-3;
      for (double z = -8; z < 8; z += 1e-3)
        integral += std::max(0.5 - (mean + deviation * z), 0.0) * std::exp(-z * z / 2) / std::sqrt(2 * M_PI) *
                    step / deviation;
      EXPECT_NEAR(expected_improvement(mean, deviation, 0.5), integral, 1e-4);
    }
  }
  EXPECT_EQ(expected_improvement(0.2, 0, 0.5), 0.3);
  EXPECT_EQ(expected_improvement(0.7, 0, 0.5), 0);
}

}  // namespace
}  // namespace anzan::sim::gaussian_process_test
