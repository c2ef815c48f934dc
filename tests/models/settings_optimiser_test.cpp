// The settings optimiser against a brute-force reference: the page's definitions in exact rationals, squared
// errors as such, the whole history kept, every candidate tried.
#include "models/settings_optimiser.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <numeric>
#include <random>
#include <vector>

#include "tests/campaign.hpp"
#include "tests/models/exact_reference.hpp"

namespace anzan::models::settings_optimiser_test {
namespace {

using isa::Policy;
using reference::Integer;
using reference::power_of_two;
using reference::Rational;

class ReferenceOptimiser {
 public:
  explicit ReferenceOptimiser(const SlotSettings& s) : s_(s), q_(s.q_write) {}

  int q() const { return q_; }
  const std::vector<int>& positions() const { return positions_; }
  std::int64_t age() const { return age_; }

  // Returns whether it acted.
  bool update(const SlotStatistics& window) {
    ++updates_;
    ++age_;
    std::map<int, std::int64_t> counts;  // position -> values, as the bins have them
    for (int bin = 0; bin < 64; ++bin) {
      const std::uint32_t count = window.histogram[static_cast<std::size_t>(bin)];
      if (count != 0) counts[bin - 40] = count;
    }
    if (s_.policy == Policy::kStatic || counts.empty() || (updates_ > s_.warmup && age_ < s_.interval))
      return false;
    positions_.push_back(counts.rbegin()->first);
    const Rational limited = std::clamp<Rational>(target(counts, window.values), s_.q_min, s_.q_max);
    const int t = static_cast<int>(numerator(limited));
    if (t <= q_ || t - q_ > s_.hysteresis) q_ = t;
    age_ = 0;
    return true;
  }

 private:
  using Counts = std::map<int, std::int64_t>;

  Rational target(const Counts& counts, std::int64_t values) const {
    switch (s_.policy) {
      case Policy::kMax: {
        const std::vector<int> p = last_positions();
        return finest_for(*std::max_element(p.begin(), p.end())) - s_.guard;
      }
      case Policy::kOverflowRate:
        return finest_within_rate(counts, values) - s_.guard;
      case Policy::kStep:
        if (!within(counts, values, q_)) return q_ - 1;
        return within(counts, values, q_ + 1) ? q_ + 1 : q_;
      case Policy::kMinError:
        return least_error(counts) - s_.guard;
      case Policy::kPredictive:
        return finest_for(predicted()) - s_.guard;
      case Policy::kStatic:
        break;
    }
    return q_;
  }

  // The finest point at which position p fits: p <= w − 2 − q.
  Integer finest_for(const Integer& p) const { return s_.width - 2 - p; }

  bool within(const Counts& counts, std::int64_t values, int q) const {
    std::int64_t over = 0;
    for (const auto& [p, count] : counts) over += p > s_.width - 2 - q ? count : 0;
    // Decayed counters may hold values = 0 and yet a bin: any overflow is then too much.
    if (values == 0) return over == 0;
    return Rational(over, values) <= Rational(s_.r_max) * power_of_two(-32);
  }
  int finest_within_rate(const Counts& counts, std::int64_t values) const {
    int q = 100;
    while (!within(counts, values, q)) --q;
    return q;
  }

  int least_error(const Counts& counts) const {
    const int first = s_.width - 2 - counts.rbegin()->first;
    std::vector<Rational> errors;
    for (int q = first; q <= first + 8; ++q) errors.push_back(error(counts, q));
    return first + static_cast<int>(std::min_element(errors.begin(), errors.end()) - errors.begin());
  }
  // Expected squared error of the values at 1.5 · 2^p, stored with point q.
  Rational error(const Counts& counts, int q) const {
    Rational sum = 0;
    const Rational step = power_of_two(-q);
    const Rational clip = power_of_two(s_.width - 1) * step;
    for (const auto& [p, count] : counts) {
      const Rational value = Rational(3, 2) * power_of_two(p);
      const int k = p + q;
      if (k >= s_.width - 1)
        sum += count * (value - clip) * (value - clip);
      else if (value >= step / 2)
        sum += count * step * step / 12;
      else if (k >= -8)
        sum += count * value * value;
    }
    return sum;
  }

  std::vector<int> last_positions() const {
    const auto n = std::min<std::size_t>({s_.window, 8, positions_.size()});
    return std::vector<int>(positions_.end() - static_cast<std::ptrdiff_t>(n), positions_.end());
  }
  Integer predicted() const {
    const std::vector<int> p = last_positions();
    const auto n = static_cast<long>(p.size());
    const Rational mean(std::accumulate(p.begin(), p.end(), 0L), n);
    Rational scatter = 0;
    for (const int x : p) scatter += abs(x - mean) / n;
    Integer ceiling = -50;
    while (ceiling < mean + 2 * scatter) ceiling += 1;
    const int trend = n > 1 ? std::max(0, p.back() - p[p.size() - 2]) : 0;
    return std::max<Integer>(p.back(), ceiling) + trend;
  }

  SlotSettings s_;
  int q_;
  std::int64_t updates_ = 0, age_ = 0;
  std::vector<int> positions_;
};

SlotSettings draw_settings(std::mt19937_64& random, Policy policy) {
  const auto up_to = [&random](unsigned limit) { return static_cast<int>(random() % (limit + 1)); };
  SlotSettings s;
  s.policy = policy;
  s.width = static_cast<std::uint8_t>(2 + up_to(14));
  s.interval = static_cast<std::uint16_t>(1 + (up_to(1) ? up_to(4) : 0));
  s.warmup = static_cast<std::uint16_t>(up_to(1) ? up_to(10) : 0);
  s.guard = static_cast<std::uint8_t>(up_to(2) == 0 ? up_to(3) : 0);
  s.hysteresis = static_cast<std::uint8_t>(up_to(2) == 0 ? up_to(3) : 0);
  s.decay = static_cast<std::uint8_t>(up_to(1) ? up_to(255) : 0);
  const std::uint32_t rates[] = {0, 429497, 42949673, 0x40000000U, 0xffffffffU};
  s.r_max = rates[random() % 5];
  s.window = static_cast<std::uint8_t>(1 + up_to(7));
  s.q_write = static_cast<std::int8_t>(up_to(56) - 16);
  if (up_to(3) == 0) {
    s.q_min = static_cast<std::int8_t>(up_to(20) - 16);
    s.q_max = static_cast<std::int8_t>(s.q_min + up_to(20));
  }
  return s;
}

// All kinds of windows: nothing, only zeros, one value, narrow and wide distributions, full counters.
LocalStatistics draw_window(std::mt19937_64& random) {
  LocalStatistics s;
  const auto kind = random() % 8;
  if (kind == 0) return s;
  s.zeros = random() % 3 == 0 ? random() % 100000 : 0;
  if (kind >= 2) {
    const int centre = static_cast<int>(random() % 64),
              spread = 1 + static_cast<int>(random() % (kind == 2 ? 1 : 14));
    const int bins = 1 + static_cast<int>(random() % 12);
    const int bits = kind == 7 ? 33 : 1 + static_cast<int>(random() % 20);
    for (int i = 0; i < bins; ++i) {
      const int bin =
          std::clamp(centre + static_cast<int>(random() % static_cast<unsigned>(spread)) - spread / 2, 0, 63);
      s.histogram[static_cast<std::size_t>(bin)] += 1 + (random() >> (64 - bits));
    }
  }
  s.values = std::accumulate(s.histogram.begin(), s.histogram.end(), s.zeros);
  s.saturated_high = random() % 1000;
  s.saturated_low = random() % 1000;
  s.underflows = random() % 1000;
  return s;
}

class EveryPolicy : public ::testing::TestWithParam<int> {};

TEST_P(EveryPolicy, AgainstBruteForce) {
  const auto policy = static_cast<Policy>(GetParam());
  int acted_count = 0;
  constexpr int kSeeds = share_of_cases(200);
  for (std::uint64_t seed = 0; seed < std::uint64_t{kSeeds}; ++seed) {
    std::mt19937_64 random(seed);
    SlotSettings s = draw_settings(random, policy);
    SlotStatistics window;
    ReferenceOptimiser expected(s);
    for (int step = 0; step < 25; ++step) {
      window.add(draw_window(random));
      const SlotSettings before = s;
      SlotStatistics left = window;
      const bool acted = expected.update(window);
      if (acted) left.decay(s.decay);
      acted_count += acted ? 1 : 0;
      const bool changed = update(s, window);

      const auto where = ::testing::Message()
                         << "policy " << isa::name(policy) << " seed " << seed << " step " << step
                         << " width " << int{s.width} << " q before " << int{before.q_write};
      ASSERT_EQ(s.q_write, expected.q()) << where;
      ASSERT_EQ(changed, s.q_write != before.q_write) << where;
      ASSERT_EQ(s.age, expected.age()) << where;
      ASSERT_EQ(s.updates, static_cast<std::uint32_t>(step + 1)) << where;
      ASSERT_TRUE(window == left) << where;
      const auto& all = expected.positions();
      ASSERT_EQ(s.history_count, std::min<std::size_t>(8, all.size())) << where;
      for (std::size_t i = 0; i < s.history_count; ++i) {
        ASSERT_EQ(s.history[i], all[all.size() - s.history_count + i]) << where;
      }
      // Nothing else moves.
      SlotSettings rest = s;
      rest.q_write = before.q_write, rest.age = before.age, rest.updates = before.updates;
      rest.history = before.history, rest.history_count = before.history_count;
      ASSERT_TRUE(rest == before) << where;
    }
  }
  if (policy != Policy::kStatic) {
    EXPECT_GT(acted_count, kSeeds * 15 / 2);
  }
}
INSTANTIATE_TEST_SUITE_P(Policies, EveryPolicy, ::testing::Range(0, isa::kPolicyInfo.size));

SlotStatistics counted(const std::map<int, std::uint32_t>& positions, std::uint32_t zeros = 0) {
  LocalStatistics s;
  s.zeros = s.values = zeros;
  for (const auto& [p, count] : positions) {
    s.histogram[static_cast<std::size_t>(p + 40)] += count;
    s.values += count;
  }
  SlotStatistics result;
  result.add(s);
  return result;
}
SlotSettings with(Policy policy, int q_write) {
  SlotSettings s;
  s.width = 8;
  s.policy = policy;
  s.q_write = static_cast<std::int8_t>(q_write);
  return s;
}
int after(SlotSettings s, SlotStatistics window) {
  update(s, window);
  return s.q_write;
}

TEST(SettingsOptimiser, IntervalAndWarmup) {
  SlotSettings s = with(Policy::kMax, 0);
  s.warmup = 2;
  s.interval = 3;
  std::vector<int> acted;
  for (int step = 1; step <= 12; ++step) {
    SlotStatistics window = counted({{step % 2, 1}});
    const std::uint32_t updates = s.updates;
    update(s, window);
    ASSERT_EQ(s.updates, updates + 1);
    if (s.age == 0) acted.push_back(step);
  }
  EXPECT_EQ(acted, (std::vector<int>{1, 2, 5, 8, 11}));
}

// A tensor of zeros keeps its point and does not act; the next value that is not zero is acted on at once.
TEST(SettingsOptimiser, AllZerosKeepThePoint) {
  for (int policy = 0; policy < isa::kPolicyInfo.size; ++policy) {
    SlotSettings s = with(static_cast<Policy>(policy), 5);
    s.interval = 2;
    SlotStatistics window = counted({}, 1000);
    const SlotStatistics before = window;
    for (int i = 1; i <= 4; ++i) {
      EXPECT_FALSE(update(s, window));
      EXPECT_EQ(s.age, static_cast<std::uint32_t>(i));
    }
    EXPECT_EQ(s.q_write, 5);
    EXPECT_EQ(s.history_count, 0);
    EXPECT_TRUE(window == before);
    window = counted({{9, 1}}, 1000);
    EXPECT_EQ(update(s, window), s.policy != Policy::kStatic);
  }
}

TEST(SettingsOptimiser, InfinitiesCountAtTheLastBin) {
  // Bin 63 stands for position 23: 8 bits would need q = −17, the limit is −16.
  EXPECT_EQ(after(with(Policy::kMax, 0), counted({{23, 1}, {0, 100}})), -16);
  SlotSettings s = with(Policy::kOverflowRate, 0);
  s.r_max = 42949673;  // just above 1 %
  EXPECT_EQ(after(s, counted({{23, 1}, {0, 99}})), 6);
  s.r_max = 42949672;  // just below
  EXPECT_EQ(after(s, counted({{23, 1}, {0, 99}})), -16);
  SlotStatistics window = counted({{23, 1}});
  update(s, window);
  EXPECT_EQ(s.history[0], 23);
}

TEST(SettingsOptimiser, RateIsComparedExactly) {
  SlotSettings s = with(Policy::kOverflowRate, 0);
  s.r_max = 0x40000000U;  // one quarter
  EXPECT_EQ(after(s, counted({{3, 1}, {0, 3}})), 6);
  EXPECT_EQ(after(s, counted({{3, 1}, {0, 2}})), 3);
  EXPECT_EQ(after(s, counted({{3, 1}, {0, 1}}, 2)), 6);                   // zeros are values
  EXPECT_EQ(after(s, counted({{3, 0x40000000U}, {0, 0xbfffffffU}})), 3);  // one value short of 2^32
  EXPECT_EQ(after(s, counted({{3, 0x3fffffffU}, {0, 0xc0000000U}})), 6);
  EXPECT_EQ(after(s, counted({{3, 1}}, 3)), 40);  // even all of it may overflow: the finest point there is
  s.guard = 1;
  EXPECT_EQ(after(s, counted({{3, 1}}, 3)), 40);
  s.r_max = 0;
  EXPECT_EQ(after(s, counted({{3, 1}, {0, 1000000}})), 2);
}

TEST(SettingsOptimiser, GuardHysteresisAndLimits) {
  const SlotStatistics window = counted({{0, 10}});  // fits 8 bits up to q = 6
  SlotSettings s = with(Policy::kMax, 4);
  EXPECT_EQ(after(s, window), 6);
  s.guard = 1;
  EXPECT_EQ(after(s, window), 5);
  s.hysteresis = 1;
  EXPECT_EQ(after(s, window), 4);  // finer by one is not enough
  s.q_write = 3;
  EXPECT_EQ(after(s, window), 5);
  s.q_write = 6;
  EXPECT_EQ(after(s, window), 5);  // coarser at once
  s.q_max = 2;
  EXPECT_EQ(after(s, window), 2);
  s.q_max = 40, s.q_min = 9;
  EXPECT_EQ(after(s, window), 9);
  // A target that is not taken has been considered all the same.
  s = with(Policy::kMax, 5);
  s.hysteresis = 1, s.decay = 128;
  SlotStatistics seen = window;
  EXPECT_FALSE(update(s, seen));
  EXPECT_EQ(s.age, 0U);
  EXPECT_EQ(s.history_count, 1);
  EXPECT_EQ(seen.histogram[40], 5U);
  // `step` knows no guard.
  s = with(Policy::kStep, 5);
  s.guard = 3;
  EXPECT_EQ(after(s, window), 6);
}

// The finest point of all differs from no limit at all only in what `guard` takes away.
TEST(SettingsOptimiser, FinestPointAboveTheLowestBin) {
  SlotSettings s = with(Policy::kOverflowRate, 0);
  s.width = 2, s.guard = 1;
  s.r_max = 0x40000000U;
  EXPECT_EQ(after(s, counted({{0, 1}, {-40, 9}})), 39);  // q = 40 leaves the lowest bin, q = 41 nothing
  EXPECT_EQ(after(s, counted({{0, 1}, {-40, 9}}, 90)), 40);
}

// w = 2, positions 0 (three values) and −1 (eight): q = 0 costs 11 · 4, q = 1 costs 3 · 12 + 8.
TEST(SettingsOptimiser, MinErrorTiesGoToTheCoarserPoint) {
  SlotSettings s = with(Policy::kMinError, -5);
  s.width = 2;
  EXPECT_EQ(after(s, counted({{0, 3}, {-1, 8}})), 0);
  EXPECT_EQ(after(s, counted({{0, 3}, {-1, 9}})), 1);
}

TEST(SettingsOptimiser, CountersOfUpdatesStop) {
  SlotSettings s = with(Policy::kStatic, 0);
  s.updates = s.age = 0xffffffffU;
  SlotStatistics window;
  update(s, window);
  EXPECT_EQ(s.updates, 0xffffffffU);
  EXPECT_EQ(s.age, 0xffffffffU);
}

TEST(SettingsOptimiser, PredictiveByHand) {
  SlotSettings s = with(Policy::kPredictive, 0);
  s.window = 3;
  const auto push = [&s](int p) {
    SlotStatistics window = counted({{p, 1}});
    update(s, window);
    return int{s.q_write};
  };
  EXPECT_EQ(push(2), 4);        // alone: M = 2, D = 0, T = 0
  EXPECT_EQ(push(4), 6 - 7);    // M = 3, D = 1, ceil 5, T = 2
  EXPECT_EQ(push(3), 1);        // M = 3, D = 2/3, ceil(13/3) = 5, T = 0
  EXPECT_EQ(push(-9), 6 - 11);  // M = −2/3, D = 50/9, ceil(94/9) = 11, T = 0
}

}  // namespace
}  // namespace anzan::models::settings_optimiser_test
