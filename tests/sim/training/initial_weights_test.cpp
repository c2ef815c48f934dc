// Fillers: distribution, and that values depend on seed, name and logical index only.
#include "sim/training/initial_weights.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "sim/training/random_generator.hpp"

namespace anzan::sim::initial_weights_test {
namespace {

using compiler::Filler;

struct Moments {
  double mean = 0, deviation = 0, least = 0, most = 0;
};
Moments moments(const std::vector<float>& values) {
  Moments m;
  for (const float v : values) m.mean += v;
  m.mean /= static_cast<double>(values.size());
  for (const float v : values) m.deviation += (v - m.mean) * (v - m.mean);
  m.deviation = std::sqrt(m.deviation / static_cast<double>(values.size()));
  m.least = *std::min_element(values.begin(), values.end());
  m.most = *std::max_element(values.begin(), values.end());
  return m;
}

constexpr std::int64_t kCount = 200000;

TEST(InitialWeights, XavierIsUniformInSqrtThreeOverFanIn) {
  const Moments m = moments(initial_values({Filler::Kind::kXavier, 0}, 25, kCount, 1, "conv1.weight"));
  const double bound = std::sqrt(3.0 / 25);
  EXPECT_GE(m.least, -bound);
  EXPECT_LE(m.most, bound);
  EXPECT_LT(m.least, -0.999 * bound);
  EXPECT_GT(m.most, 0.999 * bound);
  EXPECT_NEAR(m.mean, 0, 5 * bound / std::sqrt(3.0 * kCount));
  EXPECT_NEAR(m.deviation, 0.2, 0.002);  // bound / sqrt(3) = 1 / sqrt(fan_in)
}

TEST(InitialWeights, GaussiansHaveTheirDeviation) {
  const Moments msra = moments(initial_values({Filler::Kind::kMsra, 0}, 50, kCount, 1, "w"));
  EXPECT_NEAR(msra.deviation, 0.2, 0.002);
  EXPECT_NEAR(msra.mean, 0, 0.003);
  EXPECT_GT(msra.most, 3.5 * 0.2);
  const auto values = initial_values({Filler::Kind::kGaussian, 0.01}, 50, kCount, 1, "w");
  const Moments m = moments(values);
  EXPECT_NEAR(m.deviation, 0.01, 0.0001);
  const auto inside =
      std::count_if(values.begin(), values.end(), [](float v) { return std::abs(v) < 0.01F; });
  EXPECT_NEAR(static_cast<double>(inside) / kCount, 0.6827, 0.005);
}

TEST(InitialWeights, UniformAndConstant) {
  const Moments m = moments(initial_values({Filler::Kind::kUniform, 0.5}, 50, kCount, 1, "w"));
  EXPECT_NEAR(m.deviation, 0.5 / std::sqrt(3.0), 0.002);
  for (const float v : initial_values({Filler::Kind::kConstant, 0.25}, 50, 10, 1, "b")) EXPECT_EQ(v, 0.25F);
}

TEST(InitialWeights, DependOnSeedNameAndIndexOnly) {
  const Filler filler{Filler::Kind::kXavier, 0};
  const auto values = initial_values(filler, 9, 100, 1, "conv1.weight");
  EXPECT_EQ(values, initial_values(filler, 9, 100, 1, "conv1.weight"));
  EXPECT_NE(values, initial_values(filler, 9, 100, 2, "conv1.weight"));
  EXPECT_NE(values, initial_values(filler, 9, 100, 1, "conv2.weight"));
  auto longer = initial_values(filler, 9, 150, 1, "conv1.weight");
  longer.resize(100);
  EXPECT_EQ(values, longer);
}

// The values every host must draw: a change here changes all results.
TEST(InitialWeights, ArePinned) {
  const auto values = initial_values({Filler::Kind::kUniform, 1}, 1, 3, 1, "w");
  RandomGenerator random(1, RandomGenerator::Purpose::kOrder, 0);
  EXPECT_EQ(values, (std::vector<float>{-0.141011283F, -0.7284621F, -0.24854596F}));
  EXPECT_EQ(random.below(1000000), 858819U);
}

TEST(RandomGenerator, BelowIsUniformAndInside) {
  RandomGenerator random(7, RandomGenerator::Purpose::kOrder, 3);
  std::vector<int> counts(7);
  for (int i = 0; i < 70000; ++i) ++counts[random.below(7)];
  for (const int count : counts) EXPECT_NEAR(count, 10000, 500);
  EXPECT_EQ(random.below(1), 0U);
}

}  // namespace
}  // namespace anzan::sim::initial_weights_test
