// The quantiser, exhaustively for up to 8 bits: every int16 accumulator at many shifts, and every FP32 sign,
// exponent and leading mantissa, against long double arithmetic.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "models/number_format.hpp"
#include "models/quantiser.hpp"
#include "tests/models/exact_reference.hpp"

namespace anzan::models::quantiser_exhaustive_test {
namespace {

using isa::Rounding;
constexpr Rounding kRoundings[] = {Rounding::kNearestEven, Rounding::kTowardsZero};

// Random words whose top 24 bits lie at both ends and on both sides of the value at which `magnitude` · 2^q
// is rounded up; the low eight bits must not matter.
std::array<std::uint32_t, 6> words_around_the_edge(long double magnitude, int q) {
  const long double m = std::ldexp(magnitude, q);
  const auto edge = static_cast<std::int64_t>(16777216.0L - std::floor((m - std::floor(m)) * 16777216.0L));
  std::array<std::uint32_t, 6> words{};
  const std::int64_t tops[] = {0, edge - 1, edge, edge + 1, 0x800000, 0xffffff};
  for (std::size_t i = 0; i < words.size(); ++i) {
    const auto top = static_cast<std::uint32_t>(std::clamp<std::int64_t>(tops[i], 0, 0xffffff));
    words[i] = (top << 8) | (i % 2 == 0 ? 0xffU : 0U);
  }
  return words;
}

void check_accumulator(std::int64_t acc, int point, int q, Rounding rounding, std::uint32_t random) {
  const long double magnitude = std::ldexp(static_cast<long double>(acc < 0 ? -acc : acc), -point);
  const long double n = reference::rounded(magnitude, q, rounding, random);
  for (int width = 2; width <= 8; ++width) {
    const Quantised expected = reference::saturate(acc < 0, acc == 0, n, width);
    const Quantised found = quantise_accumulator(acc, point, width, q, rounding, random);
    ASSERT_EQ(found, expected) << "acc " << acc << " point " << point << " width " << width << " q " << q
                               << " rounding " << isa::name(rounding) << " random " << random;
  }
}

class QuantiserShift : public ::testing::TestWithParam<int> {};

TEST_P(QuantiserShift, EveryInt16AccumulatorDeterministic) {
  constexpr int kPoint = 9;
  const int q = kPoint - GetParam();
  for (std::int64_t acc = -32768; acc <= 32767; ++acc) {
    for (const Rounding rounding : kRoundings) {
      ASSERT_NO_FATAL_FAILURE(check_accumulator(acc, kPoint, q, rounding, 0xffffffffU));
    }
  }
}

TEST_P(QuantiserShift, EveryInt16AccumulatorStochastic) {
  constexpr int kPoint = 9;
  const int q = kPoint - GetParam();
  for (std::int64_t acc = -32768; acc <= 32767; ++acc) {
    const auto magnitude = std::ldexp(static_cast<long double>(acc < 0 ? -acc : acc), -kPoint);
    for (const std::uint32_t word : words_around_the_edge(magnitude, q)) {
      ASSERT_NO_FATAL_FAILURE(check_accumulator(acc, kPoint, q, Rounding::kStochastic, word));
    }
  }
}

// To the left (negative), none, within the value, at and around the 24 random bits, and beyond.
INSTANTIATE_TEST_SUITE_P(Shifts, QuantiserShift,
                         ::testing::Values(-5, -1, 0, 1, 2, 3, 5, 7, 8, 9, 12, 15, 16, 17, 23, 24, 25, 26, 39,
                                           40, 63, 64, 65));

// Every one of the 2^24 random values: the number of those that round up is floor(f · 2^24), as a set above
// an edge.
TEST(Quantiser, StochasticRoundsUpForExactlyTheShareOfTheFraction) {
  struct Case {
    std::int64_t acc;
    int shift;
  };
  for (const Case c : {Case{5, 2}, Case{-1234567, 11}, Case{77, 30}}) {
    const std::int64_t magnitude = std::abs(c.acc);
    const std::int64_t floor = magnitude >> c.shift;
    const std::int64_t fraction = magnitude - (floor << c.shift);
    const std::int64_t expected = (fraction << 24) >> c.shift;
    std::int64_t ups = 0;
    for (std::uint32_t top = 0; top < (1U << 24); ++top) {
      const int n = quantise_accumulator(c.acc, c.shift, 16, 0, Rounding::kStochastic, top << 8).n;
      ups += std::abs(n) - floor;
    }
    EXPECT_EQ(ups, expected) << "acc " << c.acc << " shift " << c.shift;
  }
}

class QuantiserPoint : public ::testing::TestWithParam<int> {};

// Every sign, exponent and seven leading mantissa bits of FP32, with four endings; infinities and NaN too.
TEST_P(QuantiserPoint, EveryLeadingHalfOfFp32) {
  const int q = GetParam();
  for (std::uint32_t top = 0; top < 0x10000; ++top) {
    for (const std::uint32_t low : {0U, 1U, 0x8000U, 0xffffU}) {
      const std::uint32_t bits = (top << 16) | low;
      const float v = float_of_bits(bits);
      const bool negative = bits >> 31 != 0;
      const bool special = !std::isfinite(v);
      const long double magnitude = special ? 0 : std::fabs(static_cast<long double>(v));
      const auto words = words_around_the_edge(magnitude, q);
      const std::uint32_t word = words[bits % words.size()];
      for (const Rounding rounding :
           {Rounding::kNearestEven, Rounding::kStochastic, Rounding::kTowardsZero}) {
        const long double n = special ? 1e30L : reference::rounded(magnitude, q, rounding, word);
        for (int width = 2; width <= 8; width += 2) {
          ASSERT_EQ(quantise(v, width, q, rounding, word), reference::saturate(negative, v == 0, n, width))
              << "bits " << bits << " width " << width << " q " << q << " rounding " << isa::name(rounding)
              << " random " << word;
        }
      }
    }
  }
}
INSTANTIATE_TEST_SUITE_P(Points, QuantiserPoint, ::testing::Values(-16, -3, 0, 5, 20, 40));

}  // namespace
}  // namespace anzan::models::quantiser_exhaustive_test
