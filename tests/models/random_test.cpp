// Random words: known answers (from a separate computation with unbounded integers), bijectivity, and the
// statistics that stochastic rounding relies on.
#include "models/random.hpp"

#include <gtest/gtest.h>

#include <array>
#include <bitset>
#include <cmath>
#include <cstdint>
#include <set>

namespace anzan::models::random_test {
namespace {

TEST(Random, KnownAnswers) {
  EXPECT_EQ(mix(0), 0U);
  EXPECT_EQ(mix(1), 0x688990c0U);
  EXPECT_EQ(mix(0xffffffffU), 0x6768824aU);
  EXPECT_EQ(mix(0xdeadbeefU), 0xe628c683U);
  EXPECT_EQ(random_key(0, 0, 0), 0x944fb554U);
  EXPECT_EQ(random_key(1, 2, 3), 0x0e94527fU);
  EXPECT_EQ(random_key(0xffffffffU, 0xffffffffU, 1023), 0x4d53cacfU);
  EXPECT_EQ(random_word(random_key(1, 10000, 17), 0), 0x176862f1U);
  EXPECT_EQ(random_word(random_key(1, 10000, 17), 5), 0x3c72bcccU);
  EXPECT_EQ(random_word(random_key(1, 2, 3), 0x80000001U), 0x04802998U);
}

// The inverse of each step of `mix`: the factors' inverses modulo 2^32, and shifts undone.
std::uint32_t unmix(std::uint32_t x) {
  x ^= x >> 16;
  x *= 0x43021123U;
  x ^= x >> 15 ^ x >> 30;
  x *= 0x1d69e2a5U;
  x ^= x >> 16;
  return x;
}

TEST(Random, MixIsABijection) {
  for (std::uint32_t i = 0; i < 1000000; ++i) {
    const std::uint32_t x = i * 2654435761U;
    ASSERT_EQ(unmix(mix(x)), x);
  }
}

// Flipping any input bit flips each output bit in half of the cases, within six standard deviations.
TEST(Random, EveryInputBitReachesEveryOutputBit) {
  constexpr int kSamples = 20000;
  for (int in = 0; in < 32; ++in) {
    std::array<int, 32> flips{};
    for (std::uint32_t i = 0; i < kSamples; ++i) {
      const std::uint32_t x = random_word(random_key(3, 1, 4), i);
      const std::bitset<32> changed(mix(x) ^ mix(x ^ (1U << in)));
      for (std::size_t out = 0; out < 32; ++out) flips[out] += changed[out] ? 1 : 0;
    }
    for (int out = 0; out < 32; ++out) {
      // lowbias32 is not perfect: its worst bias is well below 0.01.
      EXPECT_NEAR(flips[static_cast<std::size_t>(out)] / double{kSamples}, 0.5,
                  6 * 0.5 / std::sqrt(kSamples) + 0.01)
          << "bit " << in << " to bit " << out;
    }
  }
}

double chi_square(const std::array<int, 256>& counts, int samples) {
  double sum = 0;
  for (const int c : counts) sum += (c - samples / 256.0) * (c - samples / 256.0) / (samples / 256.0);
  return sum;
}
// 255 degrees of freedom: mean 255, deviation 22.6; beyond ±6 deviations is no accident.
constexpr double kChiSquareLimit = 255 + 6 * 22.6;

// The leading byte is uniform along each of the four coordinates of a word.
TEST(Random, LeadingByteIsUniformAlongEveryCoordinate) {
  constexpr int kSamples = 1 << 16;
  for (std::uint32_t fixed = 0; fixed < 8; ++fixed) {
    std::array<std::array<int, 256>, 4> counts{};
    for (std::uint32_t i = 0; i < kSamples; ++i) {
      ++counts[0][random_word(random_key(1, fixed, 7), i) >> 24];
      ++counts[1][random_word(random_key(1, i, 7), fixed) >> 24];
      ++counts[2][random_word(random_key(i, 1, 7), fixed) >> 24];
      ++counts[3][random_word(random_key(1, fixed, i % 1024), i / 1024) >> 24];
    }
    for (std::size_t along = 0; along < counts.size(); ++along) {
      EXPECT_LT(chi_square(counts[along], kSamples), kChiSquareLimit) << "along " << along << " at " << fixed;
    }
  }
}

// Neighbouring elements, and the same element in neighbouring steps, are independent: pairs of leading
// nibbles are uniform over the 256 cells.
TEST(Random, NeighboursAreIndependent) {
  constexpr int kSamples = 1 << 16;
  std::array<int, 256> elements{}, steps{}, slots{};
  for (std::uint32_t i = 0; i < kSamples; ++i) {
    const auto nibble = [](std::uint32_t seed, std::uint32_t step, std::uint32_t slot, std::uint32_t index) {
      return random_word(random_key(seed, step, slot), index) >> 28;
    };
    ++elements[nibble(5, 9, 2, i) * 16 + nibble(5, 9, 2, i + 1)];
    ++steps[nibble(5, i, 2, 77) * 16 + nibble(5, i + 1, 2, 77)];
    ++slots[nibble(5, 9, 2, i) * 16 + nibble(5, 9, 3, i)];
  }
  EXPECT_LT(chi_square(elements, kSamples), kChiSquareLimit);
  EXPECT_LT(chi_square(steps, kSamples), kChiSquareLimit);
  EXPECT_LT(chi_square(slots, kSamples), kChiSquareLimit);
}

TEST(Random, KeysOfSlotsAndStepsDiffer) {
  std::set<std::uint32_t> keys;
  int made = 0;
  for (std::uint32_t step = 0; step < 100; ++step) {
    for (std::uint32_t slot = 0; slot < 1024; ++slot, ++made) keys.insert(random_key(1, step, slot));
  }
  // About n² / 2^33 = 1.2 collisions are expected of random keys.
  EXPECT_GE(static_cast<int>(keys.size()), made - 10);
}

}  // namespace
}  // namespace anzan::models::random_test
