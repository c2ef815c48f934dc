// Streams of corner cases; fractions are zero, all ones, sparse, runs, or random.
#include "tests/cosim/corner_values.hpp"

#include <algorithm>
#include <cmath>

#include "models/number_format.hpp"

namespace anzan::cosim {
namespace {
using models::bits_of_float;
using models::float_of_bits;
}  // namespace

std::uint32_t CornerValues::fp32(int exponent) {
  const std::uint32_t mask = (1U << 23) - 1;
  std::uint32_t fraction = static_cast<std::uint32_t>(word()) & mask;
  const int place = between(0, 23);
  switch (between(0, 6)) {
    case 0:
      fraction = 0;
      break;
    case 1:
      fraction = mask;
      break;
    case 2:
      fraction = 1U << std::min(place, 22);
      break;
    case 3:
      fraction = mask << place & mask;
      break;
    case 4:
      fraction = mask >> place;
      break;
    default:
      break;
  }
  return static_cast<std::uint32_t>(word() & 1) << 31 | static_cast<std::uint32_t>(exponent) << 23 | fraction;
}

std::uint32_t CornerValues::fp32() {
  switch (between(0, 7)) {
    case 0:
      return fp32(0);
    case 1:
      return fp32(one_in(2) ? 255 : 254);
    case 2:
      return fp32(between(1, 24));
    case 3:
    case 4:
      return fp32(between(127 - 26, 127 + 26));
    default:
      return fp32(between(0, 255));
  }
}

Triple CornerValues::triple() {
  Triple t{fp32(), fp32(), fp32()};
  if (one_in(3)) return t;
  const auto clamped = [](int exponent) { return std::clamp(exponent, 0, 254); };
  const int a = between(0, 254);
  t.a = fp32(a);
  switch (between(0, 4)) {
    case 0:  // products about the smallest numbers
      t.b = fp32(clamped(127 - a + between(-30, 30)));
      t.c = fp32(between(0, 26));
      break;
    case 1:  // about the largest
      t.b = fp32(clamped(127 + 254 - a + between(-3, 3)));
      t.c = fp32(between(220, 254));
      break;
    case 2: {  // c of like size
      const int b = between(0, 254);
      t.b = fp32(b);
      t.c = fp32(clamped(a + b - 127 + between(-50, 50)));
      break;
    }
    default: {  // c within a few last places of the product or its negative
      t.b = fp32(clamped(one_in(2) ? 254 - a : between(0, 254)));
      const float product = float_of_bits(t.a) * float_of_bits(t.b);
      if (std::isfinite(product))
        t.c = (bits_of_float(product) ^ (one_in(4) ? 0U : 0x80000000U)) +
              static_cast<std::uint32_t>(between(-2, 2));
      break;
    }
  }
  return t;
}

std::int64_t CornerValues::integer(int bits) {
  const std::uint64_t mask = (std::uint64_t{1} << (bits - 1)) - 1;
  std::uint64_t magnitude = (word() & mask) >> between(0, bits - 2);
  const int place = between(0, bits - 2);
  switch (between(0, 5)) {
    case 0:
      magnitude = std::uint64_t{1} << place;
      break;
    case 1:
      magnitude = (std::uint64_t{1} << place) - 1;
      break;
    case 2:  // a half, and what is next to it
      magnitude = (magnitude >> place << place) + (std::uint64_t{1} << place >> 1) +
                  static_cast<std::uint64_t>(between(-1, 1));
      break;
    default:
      break;
  }
  const auto value = static_cast<std::int64_t>(magnitude & mask);
  return one_in(2) ? value : -value - (one_in(8) ? 1 : 0);
}

std::vector<std::uint32_t> special_fp32() {
  std::vector<std::uint32_t> words = {0,          1,          2,          3,          0x7fffff,
                                      0x800000,   0x800001,   0x7f7fffff, 0x7f7ffffe, 0x7f000000,
                                      0x7f800000, 0x7f800001, 0x7fc00000, 0x7fffffff};
  for (const int exponent : {1, 23, 24, 64, 102, 103, 104, 126, 127, 128, 150, 151, 190, 230, 231, 253}) {
    const std::uint32_t power = static_cast<std::uint32_t>(exponent) << 23;
    for (const std::uint32_t word : {power - 1, power, power + 1, power | 0x400000}) words.push_back(word);
  }
  const std::size_t positive = words.size();
  for (std::size_t k = 0; k < positive; ++k) words.push_back(words[k] | 0x80000000U);
  return words;
}

}  // namespace anzan::cosim
