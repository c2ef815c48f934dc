// The reference's numbers against values computed by hand from models/README.md, and against integer
// arithmetic.
#include "tests/reference/numbers.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

namespace anzan::reference::numbers_test {
namespace {

int stored(long double value, int width, int q, Rounding rounding, std::uint32_t random = 0) {
  return quantise(value, width, q, rounding, random).stored;
}

TEST(ReferenceQuantiser, RoundsHalvesToEven) {
  EXPECT_EQ(stored(2.5L, 8, 0, Rounding::kNearestEven), 2);
  EXPECT_EQ(stored(3.5L, 8, 0, Rounding::kNearestEven), 4);
  EXPECT_EQ(stored(-2.5L, 8, 0, Rounding::kNearestEven), -2);
  EXPECT_EQ(stored(-3.5L, 8, 0, Rounding::kNearestEven), -4);
  EXPECT_EQ(stored(2.75L, 8, 1, Rounding::kNearestEven), 6);
  EXPECT_EQ(stored(1.25L, 8, 1, Rounding::kNearestEven), 2);
  EXPECT_EQ(stored(1.2500001L, 8, 1, Rounding::kNearestEven), 3);
  EXPECT_EQ(stored(96.0L, 8, -6, Rounding::kNearestEven), 2);  // 1.5
}

TEST(ReferenceQuantiser, DropsFractions) {
  EXPECT_EQ(stored(1.99L, 8, 0, Rounding::kTowardsZero), 1);
  EXPECT_EQ(stored(-1.99L, 8, 0, Rounding::kTowardsZero), -1);
  EXPECT_EQ(stored(-0.99L, 8, 0, Rounding::kTowardsZero), 0);
}

TEST(ReferenceQuantiser, RoundsUpWithTheDroppedFraction) {
  // f = 1/4: up from 3/4 of the random range on.
  EXPECT_EQ(stored(1.25L, 8, 0, Rounding::kStochastic, 0xBFFFFFFFU), 1);
  EXPECT_EQ(stored(1.25L, 8, 0, Rounding::kStochastic, 0xC0000000U), 2);
  EXPECT_EQ(stored(-1.25L, 8, 0, Rounding::kStochastic, 0xC0000000U), -2);
  EXPECT_EQ(stored(5.0L, 8, 0, Rounding::kStochastic, 0xFFFFFFFFU), 5);
  EXPECT_EQ(stored(0x1p-25L, 8, 0, Rounding::kStochastic, 0xFFFFFFFFU), 0);  // 24 bits of fraction
  EXPECT_EQ(stored(0x1p-24L, 8, 0, Rounding::kStochastic, 0xFFFFFFFFU), 1);
  EXPECT_EQ(stored(0x1p-24L, 8, 0, Rounding::kStochastic, 0xFFFFFEFFU), 0);
}

TEST(ReferenceQuantiser, Saturates) {
  const auto high = [](long double v) { return quantise(v, 8, 0, Rounding::kNearestEven, 0); };
  EXPECT_EQ(high(127.25L).stored, 127);
  EXPECT_FALSE(high(127.25L).saturated_high);
  EXPECT_EQ(high(127.5L).stored, 127);
  EXPECT_TRUE(high(127.5L).saturated_high);
  EXPECT_EQ(high(-128.5L).stored, -128);
  EXPECT_FALSE(high(-128.5L).saturated_low);
  EXPECT_EQ(high(-128.75L).stored, -128);
  EXPECT_TRUE(high(-128.75L).saturated_low);
  EXPECT_FALSE(high(-128.75L).saturated_high);
  const float infinity = std::numeric_limits<float>::infinity(),
              nan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(high(infinity).stored, 127);
  EXPECT_EQ(high(-infinity).stored, -128);
  EXPECT_TRUE(high(std::copysign(nan, 1.0F)).saturated_high);
  EXPECT_TRUE(high(std::copysign(nan, -1.0F)).saturated_low);
  EXPECT_EQ(stored(1e30L, 2, 40, Rounding::kTowardsZero), 1);
  EXPECT_EQ(stored(-1e30L, 2, 40, Rounding::kTowardsZero), -2);
}

// The definition in integers: magnitude n + f = significand / 2^places, significand below 2^48.
TEST(ReferenceQuantiser, EqualsIntegerArithmetic) {
  std::mt19937 random(20261121);
  for (int trial = 0; trial < 50000; ++trial) {
    const int width = 2 + static_cast<int>(random() % 15), q = -16 + static_cast<int>(random() % 57);
    const auto mode = static_cast<Rounding>(random() % 3);
    const auto word = static_cast<std::uint32_t>(random());
    const int places = static_cast<int>(random() % 38);
    const bool negative = random() % 2 == 0;
    std::uint64_t significand = (std::uint64_t{random()} << (random() % 16)) >> (random() % 24);
    if (random() % 4 == 0) significand = std::uint64_t{random() % 64} << std::max(0, places - 2);  // ties
    const std::uint64_t one = std::uint64_t{1} << places, whole = significand / one, rest = significand % one;
    bool up = false;
    if (mode == Rounding::kNearestEven) up = 2 * rest > one || (2 * rest == one && whole % 2 == 1);
    if (mode == Rounding::kStochastic) {
      const std::uint64_t bits = places > 24 ? rest >> (places - 24) : rest << (24 - places);
      up = bits + (word >> 8) >= (1U << 24);
    }
    const std::uint64_t rounded = whole + (up ? 1 : 0), limit = (1ULL << (width - 1)) - (negative ? 0 : 1);
    const auto magnitude = static_cast<int>(std::min(rounded, limit));

    const long double size = std::ldexp(static_cast<long double>(significand), -places - q);
    const Quantised result = quantise(negative ? -size : size, width, q, mode, word);
    ASSERT_EQ(result.stored, negative ? -magnitude : magnitude)
        << "trial " << trial << " size " << size << " width " << width << " q " << q;
    ASSERT_EQ(negative ? result.saturated_low : result.saturated_high, rounded > limit) << "trial " << trial;
    ASSERT_FALSE(negative ? result.saturated_high : result.saturated_low) << "trial " << trial;
  }
}

TEST(ReferencePosition, IsTheHighestBitThatIsNotSign) {
  EXPECT_EQ(position(1), 0);
  EXPECT_EQ(position(-1), -1);
  EXPECT_EQ(position(-2), 0);
  EXPECT_EQ(position(3), 1);
  EXPECT_EQ(position(-3), 1);
  EXPECT_EQ(position(0.5L), -1);
  EXPECT_EQ(position(-0.5L), -2);
  EXPECT_EQ(position(std::numeric_limits<float>::denorm_min()), -149);
  for (int n = -600; n <= 600; ++n) {
    if (n == 0) continue;
    for (int width = 2; width <= 10; ++width) {
      const bool fits = n >= -(1 << (width - 1)) && n < (1 << (width - 1));
      for (const int q : {-3, 0, 5}) {
        EXPECT_EQ(position(std::ldexp(static_cast<long double>(n), -q)) <= width - 2 - q, fits)
            << n << " " << width;
      }
    }
  }
}

// Computed with Python integers from the formula of the page.
TEST(ReferenceRandom, EqualsKnownWords) {
  EXPECT_EQ(random_word(0, 0, 0, 0), 0x41f39e5eU);
  EXPECT_EQ(random_word(1, 2, 3, 4), 0x894bd0f1U);
  EXPECT_EQ(random_word(0xFFFFFFFFU, 0x12345678U, 1023, 0xFFFFFFFFU), 0x4035cb28U);
}

TEST(ReferenceStatistics, CountBeforeNarrowing) {
  TensorFormat format;
  format.format = Format::kInt8;
  format.width = 4;
  format.q_write = 0;
  const Writer writer(1, 1);
  StoredTensor tensor = Writer::make(format, {6, 1, 1, 1});
  Statistics s;
  const long double values[6] = {0, 0.25L, 7.5L, -9, -8, 3};
  for (int i = 0; i < 6; ++i) writer.store(tensor, i, values[i], &s);
  EXPECT_EQ(tensor.stored, (std::vector<std::int32_t>{0, 0, 7, -8, -8, 3}));
  EXPECT_EQ(s.values, 6U);
  EXPECT_EQ(s.zeros, 1U);
  EXPECT_EQ(s.underflows, 1U);
  EXPECT_EQ(s.saturated_high, 1U);
  EXPECT_EQ(s.saturated_low, 1U);
  std::array<std::uint32_t, 64> histogram{};
  histogram[38] = 1;  // 0.25
  histogram[42] = 2;  // 7.5 and -8
  histogram[43] = 1;  // -9
  histogram[41] = 1;  // 3
  EXPECT_EQ(s.histogram, histogram);
}

TEST(ReferenceStatistics, ClampTheHistogram) {
  const Writer writer(1, 1);
  StoredTensor tensor = Writer::make(TensorFormat(), {4, 1, 1, 1});
  Statistics s;
  writer.store(tensor, 0, std::numeric_limits<float>::denorm_min(), &s);
  writer.store(tensor, 1, -0.0L, &s);
  writer.store(tensor, 2, std::numeric_limits<float>::infinity(), &s);
  writer.store(tensor, 3, 1e30L, &s);
  EXPECT_EQ(s.histogram[0], 1U);
  EXPECT_EQ(s.histogram[63], 2U);
  EXPECT_EQ(s.zeros, 1U);
  EXPECT_EQ(s.underflows + s.saturated_high, 0U);
  EXPECT_EQ(tensor.stored[0], 1);
  EXPECT_EQ(tensor.stored[1], std::numeric_limits<std::int32_t>::min());
}

}  // namespace
}  // namespace anzan::reference::numbers_test
