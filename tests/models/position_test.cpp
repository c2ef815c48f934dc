// Positions against their definition: v fits w bits with point q exactly when p(v) <= w − 2 − q.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <vector>

#include "models/number_format.hpp"
#include "models/quantiser.hpp"
#include "tests/models/exact_reference.hpp"

namespace anzan::models::position_test {
namespace {

// −2^(w−1) <= v · 2^q < 2^(w−1) for every width and point of the architecture.
void check_fits(long double v, int p) {
  for (int q = isa::kBinaryPointMin; q <= isa::kBinaryPointMax; ++q) {
    const long double m = std::ldexp(v, q);
    for (int width = isa::kWidthMin; width <= isa::kWidthMax; ++width) {
      const auto limit = static_cast<long double>(1 << (width - 1));
      ASSERT_EQ(p <= width - 2 - q, -limit <= m && m < limit)
          << "v " << static_cast<double>(v) << " p " << p << " width " << width << " q " << q;
    }
  }
}

TEST(Position, EveryInt16Accumulator) {
  for (int acc = -32768; acc <= 32767; ++acc) {
    const int p = position(std::int64_t{acc}, 20);
    if (acc == 0) {
      EXPECT_EQ(p, kPositionZero);
    } else if (acc > 0) {
      ASSERT_EQ(p, static_cast<int>(std::floor(std::log2(acc))) - 20) << acc;
    } else {  // bits of ~acc: the most significant that is not a sign bit
      ASSERT_EQ(p, (acc == -1 ? -1 : static_cast<int>(std::floor(std::log2(~acc)))) - 20) << acc;
    }
  }
}

TEST(Position, FitsByDefinitionForEveryWidthAndPoint) {
  for (std::uint32_t sign = 0; sign < 2; ++sign) {
    for (std::uint32_t exponent = 0; exponent < 255; ++exponent) {
      for (const std::uint32_t fraction : {0U, 1U, 0x400000U, 0x7fffffU}) {
        const float v = float_of_bits((sign << 31) | (exponent << 23) | fraction);
        ASSERT_NO_FATAL_FAILURE(check_fits(v, position(v))) << "bits " << bits_of_float(v);
      }
    }
  }
  for (int bits = 0; bits < 63; ++bits) {
    const std::int64_t power = std::int64_t{1} << bits;
    for (const std::int64_t acc : {power - 1, power, power + 1, -power + 1, -power, -power - 1}) {
      for (const int point : {-32, -7, 0, 11, 30, 80}) {
        ASSERT_NO_FATAL_FAILURE(
            check_fits(std::ldexp(static_cast<long double>(acc), -point), position(acc, point)))
            << "acc " << acc << " point " << point;
      }
    }
  }
}

TEST(Position, AgainstExactRationals) {
  constexpr std::uint64_t kSeed = 5;
  std::mt19937_64 random(kSeed);
  for (int i = 0; i < 3000; ++i) {
    const auto acc = static_cast<std::int64_t>(random()) >> (random() % 64);
    const int point = static_cast<int>(random() % 513) - 256;
    if (acc != 0) {
      ASSERT_EQ(position(acc, point), reference::position(reference::exact(acc, point)))
          << "seed " << kSeed << ": acc " << acc << " point " << point;
    }
    const float v = float_of_bits(static_cast<std::uint32_t>(random()) >> (random() % 9));
    if (std::isfinite(v) && v != 0) {
      ASSERT_EQ(position(v), reference::position(reference::exact(v)))
          << "seed " << kSeed << ": bits " << bits_of_float(v);
    }
  }
}

TEST(Position, Corners) {
  EXPECT_EQ(position(1.0F), 0);
  EXPECT_EQ(position(-1.0F), -1);
  EXPECT_EQ(position(std::nextafter(-1.0F, -2.0F)), 0);
  EXPECT_EQ(position(std::nextafter(1.0F, 0.0F)), -1);
  EXPECT_EQ(position(std::numeric_limits<float>::denorm_min()), -149);
  EXPECT_EQ(position(-std::numeric_limits<float>::denorm_min()), -150);
  EXPECT_EQ(position(float_of_bits(3)), -148);
  EXPECT_EQ(position(float_of_bits(0x007fffff)), -127);  // the largest subnormal
  EXPECT_EQ(position(std::numeric_limits<float>::min()), -126);
  EXPECT_EQ(position(std::numeric_limits<float>::max()), 127);
  EXPECT_EQ(position(0.0F), kPositionZero);
  EXPECT_EQ(position(-0.0F), kPositionZero);
  for (const std::uint32_t bits : {0x7f800000U, 0xff800000U, 0x7f800001U, 0xffc00000U, 0xffffffffU}) {
    EXPECT_EQ(position(float_of_bits(bits)), kPositionInfinity) << bits;
  }
  EXPECT_EQ(position(std::numeric_limits<std::int64_t>::min(), 0), 62);
  EXPECT_EQ(position(std::numeric_limits<std::int64_t>::max(), 0), 62);
  EXPECT_EQ(position(std::int64_t{-1}, 254), -255);
}

}  // namespace
}  // namespace anzan::models::position_test
