// Quantiser, positions and conversions: seeded properties against exact rationals, and the corner cases of
// FP32 one by one.
#include "models/quantiser.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <vector>

#include "models/number_format.hpp"
#include "tests/campaign.hpp"
#include "tests/models/exact_reference.hpp"

namespace anzan::models::quantiser_test {
namespace {

using isa::Rounding;
constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr std::int64_t kMostNegative = std::numeric_limits<std::int64_t>::min();
constexpr Rounding kRoundings[] = {Rounding::kNearestEven, Rounding::kStochastic, Rounding::kTowardsZero};

float nan_with(std::uint32_t sign, std::uint32_t payload) {
  return float_of_bits((sign << 31) | 0x7f800000U | payload);
}

// Accumulators of every size, among them powers of two and their neighbours, ties and near-ties.
std::int64_t draw_accumulator(std::mt19937_64& random) {
  const int bits = static_cast<int>(random() % 64);
  const std::uint64_t wide = random(), nudge = random() % 3 - 1;  // nudge: −1, 0 or 1 modulo 2^64
  switch (random() % 4) {
    case 0:
      return static_cast<std::int64_t>(wide) >> bits;
    case 1:
      return static_cast<std::int64_t>((std::uint64_t{1} << bits) + nudge);
    case 2:
      return static_cast<std::int64_t>(0U - (std::uint64_t{1} << bits) + nudge);
    default:  // a few leading bits, then 1000…0 give or take one
      return static_cast<std::int64_t>(((2 * (wide % 256) + 1) << (bits % 48)) + nudge);
  }
}

float draw_float(std::mt19937_64& random) {
  auto bits = static_cast<std::uint32_t>(random());
  const auto cut = static_cast<int>(random() % 24);
  if (random() % 2 == 0) bits = (bits >> cut << cut) + static_cast<std::uint32_t>(random() % 3) - 1;
  if (random() % 8 == 0) bits &= 0x807fffffU;  // subnormals and zeros
  return float_of_bits(bits);
}

TEST(Quantiser, AccumulatorsAgainstExactRationals) {
  constexpr std::uint64_t kSeed = 20240611;
  std::mt19937_64 random(kSeed);
  for (int i = 0; i < 60000; ++i) {
    const std::int64_t acc = draw_accumulator(random);
    const int point = static_cast<int>(random() % 513) - 256;
    // Half of the points near where the value meets the width, half anywhere.
    const int near = point - static_cast<int>(random() % 80) + 8;
    const int q = random() % 2 == 0 ? static_cast<int>(random() % 256) - 128 : near;
    const int width = 2 + static_cast<int>(random() % 15);
    const Rounding rounding = kRoundings[random() % 3];
    const auto word = static_cast<std::uint32_t>(random());
    ASSERT_EQ(quantise_accumulator(acc, point, width, q, rounding, word),
              reference::quantise(reference::exact(acc, point), width, q, rounding, word))
        << "seed " << kSeed << " case " << i << ": acc " << acc << " point " << point << " width " << width
        << " q " << q << " rounding " << isa::name(rounding) << " random " << word;
  }
}

TEST(Quantiser, FloatsAgainstExactRationals) {
  constexpr std::uint64_t kSeed = 20240612;
  std::mt19937_64 random(kSeed);
  for (int i = 0; i < 60000; ++i) {
    const float v = draw_float(random);
    if (!std::isfinite(v)) continue;
    const int exponent = v == 0 ? 0 : std::ilogb(v);
    const int q = random() % 4 == 0 ? static_cast<int>(random() % 256) - 128
                                    : static_cast<int>(random() % 44) - 26 - exponent;
    const int width = 2 + static_cast<int>(random() % 15);
    const Rounding rounding = kRoundings[random() % 3];
    const auto word = static_cast<std::uint32_t>(random());
    ASSERT_EQ(quantise(v, width, q, rounding, word),
              reference::quantise(reference::exact(v), width, q, rounding, word))
        << "seed " << kSeed << " case " << i << ": bits " << bits_of_float(v) << " width " << width << " q "
        << q << " rounding " << isa::name(rounding) << " random " << word;
  }
}

// FP32 and the accumulator that holds the same value give the same integer.
TEST(Quantiser, FloatAndAccumulatorAgree) {
  std::mt19937_64 random(7);
  for (int i = 0; i < 20000; ++i) {
    const auto acc = static_cast<std::int64_t>(random() % (1U << 25)) - (1 << 24);
    const int point = static_cast<int>(random() % 40);
    const int q = static_cast<int>(random() % 40) - 10;
    const auto word = static_cast<std::uint32_t>(random());
    for (const Rounding rounding : kRoundings) {
      ASSERT_EQ(quantise(std::ldexp(static_cast<float>(acc), -point), 8, q, rounding, word),
                quantise_accumulator(acc, point, 8, q, rounding, word))
          << "seed 7: acc " << acc << " point " << point << " q " << q << " random " << word;
    }
  }
}

struct Corner {
  float v;
  int q;
  Rounding rounding;
  std::uint32_t random;
  Quantised expected;  // n, saturated_high, saturated_low, underflow; width 8
};

TEST(Quantiser, CornersOfFp32) {
  const float least = std::numeric_limits<float>::denorm_min();
  const float largest = std::numeric_limits<float>::max();
  const Rounding even = Rounding::kNearestEven, random = Rounding::kStochastic, down = Rounding::kTowardsZero;
  const std::vector<Corner> corners = {
      // Zeros of both signs: neither saturation nor underflow, whatever the random word.
      {0.0F, 40, even, 0, {0, false, false, false}},
      {-0.0F, -16, random, ~0U, {0, false, false, false}},
      // Ties go to even, the nearest float beside a tie does not.
      {0.5F, 0, even, 0, {0, false, false, true}},
      {std::nextafter(0.5F, 1.0F), 0, even, 0, {1, false, false, false}},
      {1.5F, 0, even, 0, {2, false, false, false}},
      {std::nextafter(1.5F, 0.0F), 0, even, 0, {1, false, false, false}},
      {-2.5F, 0, even, 0, {-2, false, false, false}},
      {std::nextafter(-2.5F, -3.0F), 0, even, 0, {-3, false, false, false}},
      // The limits of 8 bits, where rounding decides on saturation.
      {127.0F, 0, even, 0, {127, false, false, false}},
      {std::nextafter(127.5F, 0.0F), 0, even, 0, {127, false, false, false}},
      {127.5F, 0, even, 0, {127, true, false, false}},
      {127.9F, 0, down, 0, {127, false, false, false}},
      {128.0F, 0, down, 0, {127, true, false, false}},
      {-128.0F, 0, even, 0, {-128, false, false, false}},
      {-128.5F, 0, even, 0, {-128, false, false, false}},
      {std::nextafter(-128.5F, -129.0F), 0, even, 0, {-128, false, true, false}},
      {-128.9F, 0, down, 0, {-128, false, false, false}},
      {-129.0F, 0, down, 0, {-128, false, true, false}},
      // Stochastic: floor(0.25 · 2^24) + (r >> 8) reaches 2^24 from 0xc00000 on; no fraction, no step.
      {5.25F, 0, random, 0xbfffffffU, {5, false, false, false}},
      {5.25F, 0, random, 0xc0000000U, {6, false, false, false}},
      {-5.25F, 0, random, 0xc0000000U, {-6, false, false, false}},
      {5.0F, 0, random, ~0U, {5, false, false, false}},
      {127.25F, 0, random, ~0U, {127, true, false, false}},
      {std::ldexp(1.0F, -24), 0, random, ~0U, {1, false, false, false}},
      {std::ldexp(1.0F, -25), 0, random, ~0U, {0, false, false, true}},  // below the 24 random bits
      // Subnormals count: they are values that underflow, and do not vanish at a large point.
      {least, 40, even, 0, {0, false, false, true}},
      {-least, 40, down, ~0U, {0, false, false, true}},
      {least, 127, random, ~0U, {1, false, false, false}},  // 2^(−22)
      {-std::numeric_limits<float>::min(), 127, even, 0, {-2, false, false, false}},
      {std::numeric_limits<float>::min(), 126, even, 0, {1, false, false, false}},
      {std::nextafter(std::numeric_limits<float>::min(), 0.0F), 126, down, 0, {0, false, false, true}},
      // The largest numbers, infinities and NaN of both signs saturate by their sign.
      {largest, 40, even, 0, {127, true, false, false}},
      {-largest, -16, random, 0, {-128, false, true, false}},
      {largest, -121, down, 0, {127, false, false, false}},
      {kInfinity, -128, down, 0, {127, true, false, false}},
      {-kInfinity, -128, even, 0, {-128, false, true, false}},
      {nan_with(0, 1), 0, even, 0, {127, true, false, false}},
      {nan_with(0, 0x400000), 0, random, 0, {127, true, false, false}},
      {nan_with(1, 1), 0, down, 0, {-128, false, true, false}},
      {nan_with(1, 0x7fffff), 40, even, 0, {-128, false, true, false}},
  };
  for (const Corner& c : corners) {
    EXPECT_EQ(quantise(c.v, 8, c.q, c.rounding, c.random), c.expected)
        << "bits " << bits_of_float(c.v) << " q " << c.q << " rounding " << isa::name(c.rounding);
  }
}

TEST(Quantiser, CornersOfAccumulators) {
  const Rounding even = Rounding::kNearestEven, random = Rounding::kStochastic;
  const Quantised low{-32768, false, true, false}, high{32767, true, false, false},
      gone{0, false, false, true};
  EXPECT_EQ(quantise_accumulator(kMostNegative, 0, 16, 0, even, 0), low);
  EXPECT_EQ(quantise_accumulator(kMostNegative, 0, 16, 127, even, 0), low);
  EXPECT_EQ(quantise_accumulator(1, -256, 16, 127, even, 0), high);  // a shift to the left by 383
  EXPECT_EQ(quantise_accumulator(1, -63, 16, 0, even, 0), high);
  EXPECT_EQ(quantise_accumulator(0, -256, 16, 127, random, ~0U), Quantised{});
  EXPECT_EQ(quantise_accumulator(kMostNegative, 48, 16, 0, even, 0),
            (Quantised{-32768, false, false, false}));
  EXPECT_EQ(quantise_accumulator(kMostNegative, 63, 16, 0, even, 0), (Quantised{-1, false, false, false}));
  EXPECT_EQ(quantise_accumulator(kMostNegative, 64, 16, 0, even, 0), gone);  // exactly −½
  EXPECT_EQ(quantise_accumulator(kMostNegative, 64, 16, 0, random, 0x80000000U),
            (Quantised{-1, false, false, false}));
  EXPECT_EQ(quantise_accumulator(kMostNegative, 64, 16, 0, random, 0x7fffffffU), gone);
  EXPECT_EQ(quantise_accumulator(kMostNegative, 65, 16, 0, even, 0), gone);
  EXPECT_EQ(quantise_accumulator(kMostNegative, 87, 16, 0, random, ~0U),
            (Quantised{-1, false, false, false}));
  EXPECT_EQ(quantise_accumulator(kMostNegative, 88, 16, 0, random, ~0U), gone);
  EXPECT_EQ(quantise_accumulator(kMostNegative, 254, 16, -128, random, ~0U), gone);
}

// The mean of stochastic rounding is the value: within five standard deviations of a mean of N words.
TEST(Quantiser, StochasticRoundingIsUnbiased) {
  constexpr int kWords = 200000;
  std::mt19937 random(99);
  for (const double v : {3.1, -17.625, 0.001, 100.9999, -0.5}) {
    double sum = 0;
    for (int i = 0; i < kWords; ++i) {
      sum +=
          quantise(static_cast<float>(v), 8, 0, Rounding::kStochastic, static_cast<std::uint32_t>(random()))
              .n;
    }
    const double f = std::fabs(v) - std::floor(std::fabs(v));
    EXPECT_NEAR(sum / kWords, v, 5 * std::sqrt(f * (1 - f) / kWords) + 1e-6) << "seed 99";
  }
}

TEST(Conversion, AccumulatorToFp32AgainstExactRationals) {
  constexpr std::uint64_t kSeed = 31;
  std::mt19937_64 random(kSeed);
  for (int i = 0; i < 20000; ++i) {
    const std::int64_t acc = draw_accumulator(random);
    const int point = static_cast<int>(random() % 113) - 32;  // sums of two points within the limits
    const float found = accumulator_to_fp32(acc, point);
    const reference::Rational value = reference::exact(acc, point);
    const reference::Rational error = abs(reference::exact(found) - value);
    for (const float towards : {-kInfinity, kInfinity}) {
      const float neighbour = std::nextafter(found, towards);
      const reference::Rational other = abs(reference::exact(neighbour) - value);
      const bool even = bits_of_float(found) % 2 == 0;
      ASSERT_TRUE(error < other || (error == other && even))
          << "seed " << kSeed << " case " << i << ": acc " << acc << " point " << point << " found " << found;
    }
  }
  EXPECT_EQ(bits_of_float(accumulator_to_fp32(0, 80)), 0U);
  EXPECT_EQ(accumulator_to_fp32(kMostNegative, 63), -1.0F);
  EXPECT_EQ(accumulator_to_fp32((1 << 24) + 1, 0), 16777216.0F);
  EXPECT_EQ(accumulator_to_fp32((1 << 24) + 3, 0), 16777220.0F);
  EXPECT_EQ(accumulator_to_fp32(1, 149), std::numeric_limits<float>::denorm_min());
}

TEST(Conversion, BiasToAccumulatorAgainstExactRationals) {
  constexpr std::uint64_t kSeed = 41;
  std::mt19937_64 random(kSeed);
  const reference::Integer limit = reference::Integer(1) << 46;
  for (int i = 0; i < 40000; ++i) {
    const float bias = draw_float(random);
    if (!std::isfinite(bias)) continue;
    const int exponent = bias == 0 ? 0 : std::ilogb(bias);
    const int point = random() % 4 == 0 ? static_cast<int>(random() % 513) - 256
                                        : static_cast<int>(random() % 60) - 5 - exponent;
    const reference::Rational m = abs(reference::exact(bias)) * reference::power_of_two(point);
    reference::Integer n = reference::floor_of_positive(2 * m + 1) / 2;  // half up, then ties to even
    if (n - m == reference::Rational(1, 2) && n % 2 == 1) n -= 1;
    if (n > limit) n = limit;
    const auto expected = static_cast<std::int64_t>(n);
    ASSERT_EQ(bias_to_accumulator(bias, point), std::signbit(bias) ? -expected : expected)
        << "seed " << kSeed << " case " << i << ": bits " << bits_of_float(bias) << " point " << point;
  }
  EXPECT_EQ(bias_to_accumulator(kInfinity, 0), kBiasLimit);
  EXPECT_EQ(bias_to_accumulator(-kInfinity, -200), -kBiasLimit);
  EXPECT_EQ(bias_to_accumulator(nan_with(0, 1), 0), kBiasLimit);
  EXPECT_EQ(bias_to_accumulator(nan_with(1, 1), 0), -kBiasLimit);
  EXPECT_EQ(bias_to_accumulator(1.0F, 46), kBiasLimit);
  EXPECT_EQ(bias_to_accumulator(std::nextafter(1.0F, 0.0F), 46), kBiasLimit - (1 << 22));
  EXPECT_EQ(bias_to_accumulator(-0.0F, 40), 0);
}

TEST(Conversion, DequantiseIsExact) {
  for (int q = isa::kBinaryPointMin; q <= isa::kBinaryPointMax; ++q) {
    for (int n = -32768; n <= 32767; n += 65536 / share_of_cases(1074)) {
      ASSERT_EQ(reference::exact(dequantise(n, q)), reference::exact(n, q)) << "n " << n << " q " << q;
    }
  }
  EXPECT_EQ(dequantise(1, 127), std::ldexp(1.0F, -127));  // subnormal
  EXPECT_EQ(dequantise(-32768, -128), -kInfinity);
  EXPECT_FALSE(std::signbit(dequantise(0, -16)));
}

TEST(Conversion, ReluMakesNegativeZeroAndNanPositiveZero) {
  EXPECT_EQ(bits_of_float(relu(-0.0F)), 0U);
  EXPECT_EQ(bits_of_float(relu(nan_with(0, 1))), 0U);
  EXPECT_EQ(bits_of_float(relu(-kInfinity)), 0U);
  EXPECT_EQ(relu(std::numeric_limits<float>::denorm_min()), std::numeric_limits<float>::denorm_min());
  EXPECT_EQ(relu(kInfinity), kInfinity);
  EXPECT_EQ(relu(kMostNegative), 0);
  EXPECT_EQ(relu(std::int64_t{5}), 5);
}

}  // namespace
}  // namespace anzan::models::quantiser_test
