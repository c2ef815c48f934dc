// Every value is taken apart into a sign, an integer magnitude and a binary point; from there on FP32 values
// and integer accumulators are the same.
#include "models/quantiser.hpp"

#include <cmath>

#include "models/number_format.hpp"

namespace anzan::models {
namespace {

// (−1)^negative · magnitude · 2^(−point)
struct Parts {
  bool negative;
  std::uint64_t magnitude;
  std::int64_t point;
};

constexpr std::uint32_t kExponentMask = 0xff;
constexpr int kMantissaBits = 23;
constexpr int kSubnormalPoint = 149;  // the least significant bit of a subnormal is 2^(−149)

bool is_special(float v) { return ((bits_of_float(v) >> kMantissaBits) & kExponentMask) == kExponentMask; }
bool sign_bit(float v) { return bits_of_float(v) >> 31 != 0; }

// v must be finite.
Parts parts_of(float v) {
  const std::uint32_t bits = bits_of_float(v);
  const std::uint32_t exponent = (bits >> kMantissaBits) & kExponentMask;
  const std::uint32_t fraction = bits & ((1U << kMantissaBits) - 1U);
  if (exponent == 0) return {sign_bit(v), fraction, kSubnormalPoint};
  return {sign_bit(v), fraction | (1U << kMantissaBits),
          kSubnormalPoint + 1 - static_cast<std::int64_t>(exponent)};
}

Parts parts_of(std::int64_t acc, int point) {
  const auto bits = static_cast<std::uint64_t>(acc);
  return {acc < 0, acc < 0 ? 0U - bits : bits, point};
}

int floor_log2(std::uint64_t x) { return 63 - __builtin_clzll(x); }

int position_of(const Parts& v) {
  if (v.magnitude == 0) return kPositionZero;
  const bool power_of_two = (v.magnitude & (v.magnitude - 1)) == 0;
  return floor_log2(v.magnitude) - static_cast<int>(v.point) - (v.negative && power_of_two ? 1 : 0);
}

constexpr std::uint64_t kHuge = std::uint64_t{1} << 63;  // above every limit that a caller clamps to

// magnitude · 2^shift, or kHuge where that is larger.
std::uint64_t shifted_up(std::uint64_t magnitude, std::int64_t shift) {
  if (magnitude == 0) return 0;
  return shift >= 63 - floor_log2(magnitude) ? kHuge : magnitude << shift;
}

std::uint64_t shifted_down(std::uint64_t magnitude, std::int64_t shift) {
  return shift >= 64 ? 0 : magnitude >> shift;
}

// What rounding adds to floor(magnitude · 2^(−shift)), shift >= 1.
std::uint64_t round_up(std::uint64_t magnitude, std::int64_t shift, isa::Rounding rounding,
                       std::uint32_t random) {
  switch (rounding) {
    case isa::Rounding::kNearestEven: {
      if (shift > 63) return 0;  // at most one half, which ties to zero
      const std::uint64_t half = std::uint64_t{1} << (shift - 1);
      const std::uint64_t rest = magnitude & ((half << 1) - 1);
      const bool odd = (shifted_down(magnitude, shift) & 1) != 0;
      return rest > half || (rest == half && odd) ? 1 : 0;
    }
    case isa::Rounding::kStochastic: {
      constexpr std::uint64_t kOne = std::uint64_t{1} << isa::kRandomBits;
      const std::uint64_t fraction = shift <= isa::kRandomBits  // floor(f · 2^24)
                                         ? (magnitude << (isa::kRandomBits - shift)) & (kOne - 1)
                                         : shifted_down(magnitude, shift - isa::kRandomBits) & (kOne - 1);
      return fraction + (random >> (32 - isa::kRandomBits)) >= kOne ? 1 : 0;
    }
    case isa::Rounding::kTowardsZero:
      break;
  }
  return 0;
}

// |v| · 2^q as an integer, or kHuge where that is larger.
std::uint64_t rounded(const Parts& v, std::int64_t q, isa::Rounding rounding, std::uint32_t random) {
  const std::int64_t shift = v.point - q;
  if (shift <= 0) return shifted_up(v.magnitude, -shift);
  return shifted_down(v.magnitude, shift) + round_up(v.magnitude, shift, rounding, random);
}

Quantised saturate(bool negative, std::uint64_t n, int width) {
  const std::uint64_t limit = (std::uint64_t{1} << (width - 1)) - (negative ? 0 : 1);
  Quantised result;
  result.saturated_high = !negative && n > limit;
  result.saturated_low = negative && n > limit;
  const auto magnitude = static_cast<std::int64_t>(n > limit ? limit : n);
  result.n = static_cast<std::int32_t>(negative ? -magnitude : magnitude);
  return result;
}

Quantised quantise_parts(const Parts& v, int width, int q, isa::Rounding rounding, std::uint32_t random) {
  Quantised result = saturate(v.negative, rounded(v, q, rounding, random), width);
  result.underflow = v.magnitude != 0 && result.n == 0;
  return result;
}

}  // namespace

int position(float v) { return is_special(v) ? kPositionInfinity : position_of(parts_of(v)); }

int position(std::int64_t acc, int point) { return position_of(parts_of(acc, point)); }

Quantised quantise(float v, int width, int q, isa::Rounding rounding, std::uint32_t random) {
  if (is_special(v)) return saturate(sign_bit(v), kHuge, width);
  return quantise_parts(parts_of(v), width, q, rounding, random);
}

Quantised quantise_accumulator(std::int64_t acc, int point, int width, int q, isa::Rounding rounding,
                               std::uint32_t random) {
  return quantise_parts(parts_of(acc, point), width, q, rounding, random);
}

float dequantise(std::int32_t n, int q) { return std::ldexp(static_cast<float>(n), -q); }

float accumulator_to_fp32(std::int64_t acc, int point) { return std::ldexp(static_cast<float>(acc), -point); }

std::int64_t bias_to_accumulator(float bias, int point) {
  const std::uint64_t n =
      is_special(bias) ? kHuge : rounded(parts_of(bias), point, isa::Rounding::kNearestEven, 0);
  const std::int64_t clamped =
      n > static_cast<std::uint64_t>(kBiasLimit) ? kBiasLimit : static_cast<std::int64_t>(n);
  return sign_bit(bias) ? -clamped : clamped;
}

}  // namespace anzan::models
