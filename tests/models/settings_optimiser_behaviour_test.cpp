// How the policies behave on streams of values that pass through quantiser, analysis block and optimiser.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

#include "models/analysis_block.hpp"
#include "models/settings_optimiser.hpp"

namespace anzan::models::settings_optimiser_behaviour_test {
namespace {

using isa::Policy;

// One slot whose tensor is drawn anew at every step.
class Stream {
 public:
  explicit Stream(Policy policy, std::uint32_t seed = 1) : random_(seed) {
    settings.width = 8;
    settings.policy = policy;
  }

  // Writes `count` Gaussian values and updates; returns what was counted of them.
  LocalStatistics write(double deviation, int count = 20000) {
    std::normal_distribution<double> gauss(0.0, deviation);
    LocalStatistics seen;
    for (int i = 0; i < count; ++i) {
      const auto v = static_cast<float>(gauss(random_));
      const Quantised n = quantise(v, settings.width, settings.q_write, settings.rounding, 0);
      analyse(seen, v, &n);
    }
    window.add(seen);
    update(settings, window);
    return seen;
  }
  int q() const { return settings.q_write; }

  SlotSettings settings;
  SlotStatistics window;

 private:
  std::mt19937 random_;
};

double over_rate(const LocalStatistics& s, int width, int q) {
  double over = 0;
  for (int bin = 0; bin < isa::kHistogramBins; ++bin) {
    if (bin_position(bin) > width - 2 - q)
      over += static_cast<double>(s.histogram[static_cast<std::size_t>(bin)]);
  }
  return over / static_cast<double>(s.values);
}
double saturation_rate(const LocalStatistics& s) {
  return static_cast<double>(s.saturated_high + s.saturated_low) / static_cast<double>(s.values);
}

// On what it has seen, the rate is kept and one bit more would break it; on fresh values of the same
// distribution it holds within sampling error.
TEST(OptimiserBehaviour, OverflowRateKeepsItsRateOnGaussians) {
  for (const std::uint32_t share : {4294967U, 42949672U}) {  // 0.1 % and 1 %, rounded down
    const double r_max = share / 4294967296.0;
    for (const double deviation : {1e-5, 0.02, 1.0, 300.0}) {
      Stream stream(Policy::kOverflowRate);
      stream.settings.r_max = share;
      for (int step = 0; step < 4; ++step) {
        const LocalStatistics seen = stream.write(deviation);
        EXPECT_LE(over_rate(seen, 8, stream.q()), r_max) << "deviation " << deviation << " step " << step;
        EXPECT_GT(over_rate(seen, 8, stream.q() + 1), r_max) << "deviation " << deviation << " step " << step;
        if (step > 0) {
          EXPECT_LT(saturation_rate(seen), 2 * r_max) << "deviation " << deviation << " step " << step;
        }
      }
    }
  }
}

// From both ends, one bit a step to the point that `overflow_rate` takes at once, and there it stays.
TEST(OptimiserBehaviour, StepConvergesToOverflowRate) {
  Stream at_once(Policy::kOverflowRate);
  at_once.settings.r_max = 42949672;
  at_once.write(0.7);
  for (const int start : {-16, 40}) {
    Stream stream(Policy::kStep, 2);
    stream.settings.r_max = 42949672;
    stream.settings.q_write = static_cast<std::int8_t>(start);
    for (int step = 0; step < 70; ++step) {
      const int before = stream.q();
      stream.write(0.7, 3000);
      ASSERT_LE(std::abs(stream.q() - before), 1) << "start " << start << " step " << step;
      if (step >= 60) {
        EXPECT_EQ(stream.q(), at_once.q()) << "start " << start << " step " << step;
      }
    }
  }
}

// Whatever the point was before, one update by a policy that finds a first point leads to the same one.
TEST(OptimiserBehaviour, FirstPointsDoNotDependOnThePointBefore) {
  int finding = 0;
  for (int p = 0; p < isa::kPolicyInfo.size; ++p) {
    const auto policy = static_cast<Policy>(p);
    if (!finds_first_point(policy)) continue;
    ++finding;
    std::set<int> found;
    for (const int start : {-16, -3, 0, 12, 40}) {
      Stream stream(policy);
      stream.settings.r_max = 42949672;
      stream.settings.q_write = static_cast<std::int8_t>(start);
      stream.write(0.7);
      found.insert(stream.q());
    }
    EXPECT_EQ(found.size(), 1U) << isa::name(policy);
  }
  EXPECT_GE(finding, 1);
}

TEST(OptimiserBehaviour, AllPoliciesFollowAScale) {
  for (int p = 0; p < isa::kPolicyInfo.size; ++p) {
    const auto policy = static_cast<Policy>(p);
    if (policy == Policy::kStatic || policy == Policy::kStep) continue;
    Stream stream(policy);
    stream.settings.r_max = 4294967;  // 0.1 %
    stream.write(1.0);
    const int before = stream.q();
    stream.write(1024.0);
    EXPECT_NEAR(stream.q(), before - 10, 1) << isa::name(policy);
    stream.write(1.0);
    EXPECT_NEAR(stream.q(), before, 1) << isa::name(policy);
  }
  Stream stream(Policy::kStep);
  stream.settings.r_max = 4294967;
  for (int i = 0; i < 30; ++i) stream.write(1.0, 3000);
  const int before = stream.q();
  for (int i = 0; i < 3; ++i) stream.write(1024.0, 3000);
  EXPECT_EQ(stream.q(), before - 3);
}

// `max` never lets what it has seen overflow; `min_error` clips outliers that `max` would keep.
TEST(OptimiserBehaviour, MaxFitsAndMinErrorClips) {
  Stream max(Policy::kMax), least(Policy::kMinError);
  const LocalStatistics seen = max.write(3.0);
  EXPECT_EQ(over_rate(seen, 8, max.q()), 0);
  EXPECT_GT(over_rate(seen, 8, max.q() + 1), 0);
  LocalStatistics outlier;
  for (int i = 0; i < 4000000; ++i) analyse(outlier, 1.5F, nullptr);
  analyse(outlier, 6.0F, nullptr);
  max.window = least.window = SlotStatistics{};
  max.window.add(outlier), least.window.add(outlier);
  max.settings.width = least.settings.width = 4;
  update(max.settings, max.window);
  update(least.settings, least.window);
  EXPECT_EQ(max.q(), 0);
  // One value clipped from 6 to 4 costs 4; four million steps of 1 instead of ½ cost 250,000.
  EXPECT_EQ(least.q(), 2);
}

// With a window, `max` keeps room for what it saw a few updates ago, and forgets it after.
TEST(OptimiserBehaviour, MaxRemembersItsWindow) {
  Stream stream(Policy::kMax);
  stream.settings.window = 3;
  std::vector<int> points;
  for (const int scale : {0, 5, 0, 0, 0, 0}) {
    LocalStatistics seen;
    analyse(seen, std::ldexp(1.0F, scale), nullptr);
    stream.window.add(seen);
    update(stream.settings, stream.window);
    points.push_back(stream.q());
  }
  EXPECT_EQ(points, (std::vector<int>{6, 1, 1, 1, 6, 6}));
}

// Values that grow by a bit a step overflow under `max`, which is always a step behind, not under
// `predictive`.
TEST(OptimiserBehaviour, PredictiveIsAheadOfGrowth) {
  for (const Policy policy : {Policy::kMax, Policy::kPredictive}) {
    Stream stream(policy);
    stream.settings.window = 4;
    std::uint64_t saturated = 0;
    for (int step = 0; step < 12; ++step) {
      LocalStatistics seen;
      const float v = std::ldexp(1.0F, step);
      const Quantised n = quantise(v, 8, stream.q(), stream.settings.rounding, 0);
      analyse(seen, v, &n);
      if (step >= 2) saturated += seen.saturated_high;
      stream.window.add(seen);
      update(stream.settings, stream.window);
    }
    EXPECT_EQ(saturated, policy == Policy::kMax ? 10U : 0U) << isa::name(policy);
  }
}

// Decay: what was seen before weighs less with every update, so that an outlier is forgotten.
TEST(OptimiserBehaviour, DecayForgets) {
  Stream stream(Policy::kMax);
  stream.settings.decay = 128;
  LocalStatistics outlier;
  for (int i = 0; i < 8; ++i) analyse(outlier, 1024.0F, nullptr);
  stream.window.add(outlier);
  std::vector<int> points;
  for (int step = 0; step < 6; ++step) {
    LocalStatistics seen;
    analyse(seen, 1.0F, nullptr);
    stream.window.add(seen);
    update(stream.settings, stream.window);
    points.push_back(stream.q());
  }
  EXPECT_EQ(points, (std::vector<int>{-4, -4, -4, -4, 6, 6}));
}

}  // namespace
}  // namespace anzan::models::settings_optimiser_behaviour_test
