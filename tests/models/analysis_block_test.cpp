// Counting of values before they are narrowed.
#include "models/analysis_block.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <random>
#include <vector>

#include "models/number_format.hpp"
#include "tests/models/exact_reference.hpp"

namespace anzan::models::analysis_block_test {
namespace {

using isa::Rounding;

int only_bin(const LocalStatistics& s) {
  const auto it = std::find_if(s.histogram.begin(), s.histogram.end(), [](auto c) { return c != 0; });
  return it == s.histogram.end() ? -1 : static_cast<int>(it - s.histogram.begin());
}
int bin_of(float v) {
  LocalStatistics s;
  analyse(s, v, nullptr);
  EXPECT_EQ(s.values, 1U);
  EXPECT_EQ(std::accumulate(s.histogram.begin(), s.histogram.end(), s.zeros), 1U);
  return only_bin(s);
}

TEST(AnalysisBlock, HistogramIsClampedAtBothEnds) {
  EXPECT_EQ(bin_of(1.0F), 40);
  EXPECT_EQ(bin_of(-1.0F), 39);
  EXPECT_EQ(bin_of(std::ldexp(1.0F, -39)), 1);
  EXPECT_EQ(bin_of(std::ldexp(-1.0F, -39)), 0);
  EXPECT_EQ(bin_of(std::ldexp(1.0F, -40)), 0);
  EXPECT_EQ(bin_of(std::ldexp(1.0F, -41)), 0);
  EXPECT_EQ(bin_of(-std::numeric_limits<float>::denorm_min()), 0);
  EXPECT_EQ(bin_of(std::ldexp(1.0F, 22)), 62);
  EXPECT_EQ(bin_of(std::ldexp(1.0F, 23)), 63);
  EXPECT_EQ(bin_of(std::ldexp(-1.0F, 24)), 63);
  EXPECT_EQ(bin_of(std::ldexp(1.0F, 24)), 63);
  EXPECT_EQ(bin_of(std::numeric_limits<float>::max()), 63);
  EXPECT_EQ(bin_of(-std::numeric_limits<float>::infinity()), 63);
  EXPECT_EQ(bin_of(std::numeric_limits<float>::quiet_NaN()), 63);
  EXPECT_EQ(bin_of(0.0F), -1);
  EXPECT_EQ(bin_of(-0.0F), -1);
  for (int bin = 0; bin < isa::kHistogramBins; ++bin) EXPECT_EQ(histogram_bin(bin_position(bin)), bin);
  EXPECT_EQ(histogram_bin(kPositionInfinity), 63);
}

// A value at a time against counting over the whole set with exact rationals.
TEST(AnalysisBlock, AgainstExactRationals) {
  for (const std::uint64_t seed : {1, 2, 3, 4}) {
    std::mt19937_64 random(seed);
    const int width = 2 + static_cast<int>(random() % 15), q = static_cast<int>(random() % 20);
    LocalStatistics floats, accumulators, bare, expected;
    for (int i = 0; i < 800; ++i) {
      const std::int64_t acc =
          random() % 5 == 0
              ? 0
              : static_cast<std::int64_t>(static_cast<std::int32_t>(random())) >> (8 + random() % 20);
      const int point = static_cast<int>(random() % 30);
      const auto word = static_cast<std::uint32_t>(random());
      const float v = std::ldexp(static_cast<float>(acc), -point);  // 24 bits: exact
      const Quantised from_float = quantise(v, width, q, Rounding::kStochastic, word);
      const Quantised from_acc = quantise_accumulator(acc, point, width, q, Rounding::kStochastic, word);
      analyse(floats, v, &from_float);
      analyse(accumulators, acc, point, &from_acc);
      analyse(bare, v, nullptr);

      const reference::Rational exact = reference::exact(acc, point);
      const Quantised n = reference::quantise(exact, width, q, Rounding::kStochastic, word);
      ++expected.values;
      if (exact == 0)
        ++expected.zeros;
      else
        ++expected.histogram[static_cast<std::size_t>(
            std::min(63, std::max(0, reference::position(exact) + 40)))];
      expected.saturated_high += n.saturated_high;
      expected.saturated_low += n.saturated_low;
      expected.underflows += n.underflow;
    }
    EXPECT_TRUE(floats == expected) << "seed " << seed;
    EXPECT_TRUE(accumulators == expected) << "seed " << seed;
    expected.saturated_high = expected.saturated_low = expected.underflows = 0;
    EXPECT_TRUE(bare == expected) << "seed " << seed;
  }
}

// The accumulator counts before it is rounded to FP32, which would carry it to the next position.
TEST(AnalysisBlock, AccumulatorIsSeenExactly) {
  LocalStatistics s;
  analyse(s, (std::int64_t{1} << 30) - 1, 20, nullptr);
  EXPECT_EQ(only_bin(s), 40 + 9);
}

TEST(AnalysisBlock, InfinityAndNanCountAsValuesThatSaturate) {
  LocalStatistics s;
  for (const std::uint32_t bits : {0x7f800000U, 0xff800000U, 0x7fc00000U, 0xffc00000U, 0xff800001U}) {
    const Quantised n = quantise(float_of_bits(bits), 8, 0, Rounding::kNearestEven, 0);
    analyse(s, float_of_bits(bits), &n);
  }
  EXPECT_EQ(s.values, 5U);
  EXPECT_EQ(s.zeros, 0U);
  EXPECT_EQ(s.histogram[63], 5U);
  EXPECT_EQ(s.saturated_high, 2U);
  EXPECT_EQ(s.saturated_low, 3U);
  EXPECT_EQ(s.underflows, 0U);
}

}  // namespace
}  // namespace anzan::models::analysis_block_test
