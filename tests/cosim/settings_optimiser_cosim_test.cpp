// settings_optimiser with its store and database: entries and windows before and after `update` and `settle`
// against models::update, all policies, random and directed, and the time of every one.
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "models/settings_optimiser.hpp"
#include "models/statistics_database.hpp"
#include "models/timing.hpp"
#include "tests/cosim/corner_values.hpp"
#include "tests/cosim/settings_bench.hpp"

namespace anzan::cosim::settings_optimiser_cosim_test {
namespace {

using isa::Policy;
using models::SlotSettings;
using models::SlotStatistics;

constexpr int kSlot = 613;

class Draw {
 public:
  explicit Draw(std::uint64_t seed) : values_(seed) {}

  SlotSettings settings(Policy policy) {
    SlotSettings s;
    s.policy = policy;
    s.width = byte(isa::kWidthMin, isa::kWidthMax);
    s.rounding = static_cast<isa::Rounding>(values_.between(0, 2));
    s.q_read = point();
    s.q_write = point();
    s.interval = static_cast<std::uint16_t>(values_.one_in(2) ? 1 : values_.between(1, 65535));
    s.warmup = static_cast<std::uint16_t>(values_.one_in(2) ? 0 : values_.between(0, 65535));
    s.guard = byte(0, values_.one_in(8) ? 255 : values_.one_in(2) ? 3 : 0);
    s.hysteresis = byte(0, values_.one_in(8) ? 255 : values_.one_in(2) ? 3 : 0);
    s.decay = byte(0, 255);
    s.r_max = r_max();
    s.window = byte(1, 8);
    if (values_.one_in(3)) {
      s.q_min = point();
      s.q_max = static_cast<std::int8_t>(std::min(s.q_min + values_.between(0, 30), isa::kBinaryPointMax));
    }
    s.updates = count();
    s.age = values_.one_in(2) ? s.interval - static_cast<unsigned>(values_.between(1, 2)) : count();
    s.history_count = byte(0, 8);
    const bool near = values_.one_in(2);  // steady tensors, where the mean is what matters
    const int centre = values_.between(-40, 23);
    for (std::int8_t& p : s.history)
      p = static_cast<std::int8_t>(near ? std::clamp(centre + values_.between(-3, 3), -40, 23)
                                        : values_.between(-40, 23));
    return s;
  }

  // Nothing, zeros only, one bin, narrow and wide distributions with a tail, counters that are full.
  SlotStatistics window() {
    SlotStatistics s;
    const int kind = values_.between(0, 9);
    if (kind == 0) return s;
    s.zeros = values_.one_in(3) ? count() : 0;
    std::uint64_t sum = s.zeros;
    if (kind > 1) {
      const int top = values_.between(0, 63), bins = kind == 2 ? 1 : values_.between(1, 40);
      const int bits = values_.between(1, 32);
      for (int bin = top; bin > top - bins && bin >= 0; --bin) {
        const int depth = top - bin;
        std::uint32_t c = static_cast<std::uint32_t>(values_.word() >> (64 - bits));
        if (kind < 6) c >>= std::max(0, 24 - 3 * depth);  // rare outliers
        if (kind == 9) c = 0xffffffffU;
        s.histogram[static_cast<std::size_t>(bin)] = values_.one_in(4) ? 0 : c;
      }
      sum = std::accumulate(s.histogram.begin(), s.histogram.end(), sum);
    }
    // What decay leaves need not add up.
    s.values = values_.one_in(5) ? count() : static_cast<std::uint32_t>(std::min<std::uint64_t>(sum, ~0U));
    s.saturated_high = count();
    s.saturated_low = count();
    s.underflows = count();
    return s;
  }

 private:
  std::uint8_t byte(int low, int high) { return static_cast<std::uint8_t>(values_.between(low, high)); }
  std::int8_t point() {
    return static_cast<std::int8_t>(values_.between(isa::kBinaryPointMin, isa::kBinaryPointMax));
  }
  std::uint32_t count() {
    const auto word = static_cast<std::uint32_t>(values_.word());
    switch (values_.between(0, 3)) {
      case 0:
        return word;
      case 1:
        return 0xffffffffU - (word & 1);
      default:
        return word >> values_.between(0, 31);
    }
  }
  std::uint32_t r_max() {
    switch (values_.between(0, 3)) {
      case 0:
        return static_cast<std::uint32_t>(values_.word());
      case 1:
        return 1U << values_.between(0, 31);
      case 2:
        return values_.one_in(2) ? 0 : 0xffffffffU;
      default:
        return static_cast<std::uint32_t>(values_.word() >> values_.between(32, 63));
    }
  }
  CornerValues values_;
};

class Optimiser : public ::testing::Test {
 protected:
  // Returns whether the point moved.
  bool check(SlotSettings s, SlotStatistics window) {
    bench_.write_entry(kSlot, isa::pack(s));
    bench_.write_counters(kSlot, Set::kWindow, counter_words(window));
    const SlotSettings before = s;
    const bool moved = models::update(s, window);
    const auto where = ::testing::Message()
                       << isa::name(s.policy) << " width " << int{s.width} << " q " << int{before.q_write}
                       << " history " << int{s.history_count} << " window " << int{s.window};
    EXPECT_EQ(bench_.run(update_of(kSlot)), models::kUpdateCycles) << where;
    EXPECT_EQ(bench_.read_entry(kSlot), isa::pack(s)) << where;
    EXPECT_EQ(bench_.read_counters(kSlot, Set::kWindow), counter_words(window)) << where;
    return moved;
  }
  // A slot that is left alone by the update of another.
  static constexpr int kOther = 612;

  SettingsBench bench_;
};

class EveryPolicy : public Optimiser, public ::testing::WithParamInterface<int> {};

TEST_P(EveryPolicy, RandomEntries) {
  Draw draw(100 + static_cast<std::uint64_t>(GetParam()));
  const auto policy = static_cast<Policy>(GetParam());
  const CounterWords total = counter_words(draw.window()), other = counter_words(draw.window());
  const EntryWords neighbour = isa::pack(draw.settings(policy));
  bench_.write_counters(kSlot, Set::kTotal, total);
  bench_.write_counters(kOther, Set::kWindow, other);
  bench_.write_entry(kOther, neighbour);
  int moved = 0;
  for (int n = 0; n < ANZAN_ENTRIES && !HasFailure(); ++n) {
    SCOPED_TRACE(::testing::Message() << "entry " << n);
    moved += check(draw.settings(policy), draw.window()) ? 1 : 0;
  }
  if (policy != Policy::kStatic) {
    EXPECT_GT(moved, ANZAN_ENTRIES / 4);
  }
  EXPECT_EQ(bench_.read_counters(kSlot, Set::kTotal), total);
  EXPECT_EQ(bench_.read_counters(kOther, Set::kWindow), other);
  EXPECT_EQ(bench_.read_entry(kOther), neighbour);
}
INSTANTIATE_TEST_SUITE_P(Policies, EveryPolicy, ::testing::Range(0, isa::kPolicyInfo.size),
                         [](const auto& policy) { return isa::name(static_cast<Policy>(policy.param)); });

SlotSettings with(Policy policy, int q_write, int width = 8) {
  SlotSettings s;
  s.width = static_cast<std::uint8_t>(width);
  s.policy = policy;
  s.q_write = static_cast<std::int8_t>(q_write);
  return s;
}
SlotStatistics one_bin(int bin, std::uint32_t count = 1) {
  SlotStatistics s;
  s.histogram[static_cast<std::size_t>(bin)] = s.values = count;
  return s;
}

// One value in each bin, for every policy and the extreme widths: first and last bins, and what lies below.
TEST_F(Optimiser, EveryBinAlone) {
  for (int policy = 0; policy < isa::kPolicyInfo.size; ++policy)
    for (const int width : {isa::kWidthMin, isa::kWidthMax})
      for (int bin = 0; bin < isa::kHistogramBins && !HasFailure(); ++bin) {
        SlotStatistics window = one_bin(bin);
        if (bin >= 3) window.histogram[static_cast<std::size_t>(bin - 3)] = 5;
        check(with(static_cast<Policy>(policy), 0, width), window);
      }
}

// All full counters from the top bin down: the largest sums and costs there are.
TEST_F(Optimiser, FullCounters) {
  SlotStatistics window;
  window.values = 0xffffffffU;
  for (std::size_t bin = isa::kHistogramBins; bin-- > 0 && !HasFailure();) {
    window.histogram[bin] = 0xffffffffU;
    for (const Policy policy : {Policy::kOverflowRate, Policy::kStep, Policy::kMinError})
      for (const int width : {2, 9, 16}) {
        SlotSettings s = with(policy, -10, width);
        s.r_max = 0xffffffffU;
        s.decay = 255;
        check(s, window);
      }
  }
}

// Sums and costs that would be the least if they had fewer bits: the finest candidate costs 2^97 + 2^46, or
// has a clipped sum of 2^49 + 1; and the coarsest rounds 2^35 values.
TEST_F(Optimiser, LargestCosts) {
  const std::uint64_t one = 1;
  for (std::uint64_t clip : {((one << 51) + 1) / 3, (one << 49) + 1}) {
    SlotStatistics window;
    for (int j = 7; j >= 0; --j) {
      const std::uint64_t excess = (3U << j) - 2;
      const std::uint64_t count = std::min<std::uint64_t>(0xffffffffU, clip / (excess * excess));
      window.histogram[static_cast<std::size_t>(56 + j)] = static_cast<std::uint32_t>(count);
      clip -= count * excess * excess;
    }
    ASSERT_EQ(clip, 0U);
    check(with(Policy::kMinError, -16, 16), window);
  }
  SlotStatistics window = one_bin(40);
  for (std::size_t bin = 32; bin < 40; ++bin) window.histogram[bin] = 0xffffffffU;
  window.histogram[31] = 7;
  check(with(Policy::kMinError, -16, 16), window);
}

// Every width with a value clipped against many rounded ones: each candidate wins somewhere; and ties.
TEST_F(Optimiser, MinErrorCandidates) {
  std::array<int, 9> chosen{};
  for (int width = isa::kWidthMin; width <= isa::kWidthMax; ++width)
    for (int below = 1; below <= 30; below += 2)
      for (const std::uint32_t count : {3U, 300U, 300000U, 3000000000U}) {
        SlotStatistics window = one_bin(40);
        window.histogram[static_cast<std::size_t>(40 - below)] = count;
        SlotSettings s = with(Policy::kMinError, -16, width);
        SlotSettings after = s;
        SlotStatistics unused = window;
        models::update(after, unused);
        ++chosen[static_cast<std::size_t>(after.q_write - (width - 2))];
        check(s, window);
        if (HasFailure()) return;
      }
  for (std::size_t i = 0; i < chosen.size(); ++i) EXPECT_GT(chosen[i], 0) << "candidate " << i;
  SlotStatistics tie = one_bin(40, 3);
  tie.histogram[39] = 8;  // w = 2: q = 0 costs 11 · 4, q = 1 costs 3 · 12 + 8
  check(with(Policy::kMinError, -5, 2), tie);
  tie.histogram[39] = 9;
  check(with(Policy::kMinError, -5, 2), tie);
}

// r_max exactly met, and missed by one.
TEST_F(Optimiser, RateIsComparedExactly) {
  SlotStatistics window = one_bin(43);
  window.histogram[40] = 99;
  window.values = 100;
  for (const Policy policy : {Policy::kOverflowRate, Policy::kStep})
    for (const std::uint32_t r_max : {42949672U, 42949673U, 0x40000000U, 0U, 0xffffffffU})
      for (int q = -2; q <= 9; ++q)
        for (const std::uint32_t values : {100U, 4U, 3U, 0U}) {
          SlotSettings s = with(policy, q);
          s.r_max = r_max;
          window.values = values;
          check(s, window);
        }
}

// Up to eight positions at the ends of the range: largest means and scatters.
TEST_F(Optimiser, PredictiveExtremes) {
  for (int pattern = 0; pattern < 256 && !HasFailure(); ++pattern)
    for (const int count : {1, 2, 3, 7, 8}) {
      SlotSettings s = with(Policy::kPredictive, 3);
      s.window = static_cast<std::uint8_t>(count);
      s.history_count = 8;
      for (std::size_t i = 0; i < 8; ++i) s.history[i] = (pattern >> i & 1) != 0 ? 23 : -40;
      check(s, one_bin((pattern & 1) != 0 ? 0 : 63));
    }
}

TEST_F(Optimiser, CountersStopAndBecomeDue) {
  for (const std::uint32_t updates : {0U, 4U, 5U, 0xfffffffeU, 0xffffffffU})
    for (const std::uint32_t age : {0U, 6U, 7U, 0xfffffffeU, 0xffffffffU})
      for (const Policy policy : {Policy::kStatic, Policy::kMax}) {
        SlotSettings s = with(policy, 0);
        s.warmup = 5;
        s.interval = 8;
        s.updates = updates;
        s.age = age;
        check(s, one_bin(30));
        check(s, SlotStatistics{});
      }
}

TEST_F(Optimiser, Settle) {
  Draw draw(7);
  for (int n = 0; n < 500 && !HasFailure(); ++n) {
    SlotSettings s = draw.settings(Policy::kMax);
    const CounterWords window = counter_words(draw.window());
    bench_.write_entry(kSlot, isa::pack(s));
    bench_.write_counters(kSlot, Set::kWindow, window);
    EXPECT_EQ(bench_.run(settle_of(kSlot)), models::kSettleCycles);
    s.q_read = s.q_write;
    EXPECT_EQ(bench_.read_entry(kSlot), isa::pack(s));
    EXPECT_EQ(bench_.read_counters(kSlot, Set::kWindow), window);
  }
}

// Counters out and in again, with full ones among them; the words after the last counter are nobody's.
TEST_F(Optimiser, TakeAndGive) {
  Draw draw(9);
  models::StatisticsDatabase database;
  const SlotSettings s = draw.settings(Policy::kMax);
  bench_.write_entry(kSlot, isa::pack(s));
  for (int n = 0; n < 30 && !HasFailure(); ++n) {
    database.window(kSlot) = draw.window();
    database.total(kSlot) = draw.window();
    bench_.write_counters(kSlot, Set::kWindow, counter_words(database.window(kSlot)));
    bench_.write_counters(kSlot, Set::kTotal, counter_words(database.total(kSlot)));
    const auto line = static_cast<std::uint32_t>(n * 7654321);
    EXPECT_EQ(bench_.run(take_of(kSlot, line)), models::kTakeCycles);
    EXPECT_EQ(bench_.moved(), counter_words(database.take(kSlot)));
    EXPECT_EQ(bench_.moved_line(), line);
    EXPECT_EQ(bench_.read_counters(kSlot, Set::kWindow), counter_words(database.window(kSlot)));
    EXPECT_EQ(bench_.read_counters(kSlot, Set::kTotal), CounterWords{});

    const SlotStatistics given = draw.window();
    if (n % 2 != 0) {
      database.total(kSlot) = draw.window();
      bench_.write_counters(kSlot, Set::kTotal, counter_words(database.total(kSlot)));
    }
    bench_.moved() = counter_words(given);
    for (std::size_t w = static_cast<std::size_t>(isa::kStatisticsWords); w < bench_.moved().size(); ++w)
      bench_.moved()[w] = 0xdeadbeef;
    database.give(kSlot, given);
    EXPECT_EQ(bench_.run(give_of(kSlot, line + 1)), models::kGiveCycles);
    EXPECT_EQ(bench_.moved_line(), line + 1);
    EXPECT_EQ(bench_.read_counters(kSlot, Set::kWindow), counter_words(database.window(kSlot)));
    EXPECT_EQ(bench_.read_counters(kSlot, Set::kTotal), counter_words(database.total(kSlot)));
    EXPECT_EQ(bench_.read_entry(kSlot), isa::pack(s));
  }
}

// One instruction after another without a pause, as from a full queue.
TEST_F(Optimiser, BackToBack) {
  Draw draw(8);
  SlotSettings s = draw.settings(Policy::kMax);
  s.updates = 0;
  s.interval = 2;
  s.decay = 200;
  SlotStatistics window = draw.window();
  bench_.write_entry(kSlot, isa::pack(s));
  bench_.write_counters(kSlot, Set::kWindow, counter_words(window));
  for (int n = 0; n < 20; ++n) {
    models::update(s, window);
    EXPECT_EQ(bench_.run(update_of(kSlot)), models::kUpdateCycles);
    if (n % 3 != 0) continue;
    s.q_read = s.q_write;
    EXPECT_EQ(bench_.run(settle_of(kSlot)), models::kSettleCycles);
  }
  EXPECT_EQ(bench_.read_entry(kSlot), isa::pack(s));
  EXPECT_EQ(bench_.read_counters(kSlot, Set::kWindow), counter_words(window));
}

}  // namespace
}  // namespace anzan::cosim::settings_optimiser_cosim_test
