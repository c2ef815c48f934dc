// Independent reference for numbers: models/README.md word for word in exact rational arithmetic, and a fast
// version in long double for exhaustive tests. Shares no code with models/.
#pragma once
#include <boost/multiprecision/cpp_int.hpp>
#include <cmath>
#include <cstdint>
#include <ostream>

#include "isa/isa_generated.hpp"
#include "models/quantiser.hpp"

namespace anzan::models {

// So that a failing comparison prints what differs.
inline void PrintTo(const Quantised& v, std::ostream* out) {
  *out << "{n " << v.n << (v.saturated_high ? ", saturated_high" : "")
       << (v.saturated_low ? ", saturated_low" : "") << (v.underflow ? ", underflow" : "") << "}";
}
}  // namespace anzan::models

namespace anzan::reference {

using models::Quantised;

using Integer = boost::multiprecision::cpp_int;
using Rational = boost::multiprecision::cpp_rational;

inline Rational power_of_two(int exponent) {
  const Rational power(Integer(1) << std::abs(exponent));
  return exponent < 0 ? 1 / power : power;
}

// A finite float as the sum that IEEE 754 says it is.
inline Rational exact(float v) {
  int exponent = 0;
  const float fraction = std::frexp(v, &exponent);
  return Rational(static_cast<long>(std::ldexp(fraction, 24))) * power_of_two(exponent - 24);
}
inline Rational exact(std::int64_t acc, int point) { return Rational(Integer(acc)) * power_of_two(-point); }

inline Integer floor_of_positive(const Rational& x) { return numerator(x) / denominator(x); }

// floor(log2 |v|), less one for negative powers of two: an estimate from below, then by trying.
inline int position(const Rational& v) {
  const Rational magnitude = abs(v);
  int p = static_cast<int>(msb(numerator(magnitude))) - static_cast<int>(msb(denominator(magnitude))) - 1;
  while (power_of_two(p + 1) <= magnitude) ++p;
  return v < 0 && magnitude == power_of_two(p) ? p - 1 : p;
}

inline Quantised saturate(bool negative, const Integer& n, int width) {
  const Integer limit = (Integer(1) << (width - 1)) - (negative ? 0 : 1);
  Quantised result;
  result.saturated_high = !negative && n > limit;
  result.saturated_low = negative && n > limit;
  const int magnitude = static_cast<int>(n > limit ? limit : n);
  result.n = negative ? -magnitude : magnitude;
  return result;
}

inline Quantised quantise(const Rational& v, int width, int q, isa::Rounding rounding, std::uint32_t random) {
  const Rational m = abs(v) * power_of_two(q);
  Integer n = floor_of_positive(m);
  const Rational f = m - n;
  const Rational half(1, 2);
  if (rounding == isa::Rounding::kNearestEven && (f > half || (f == half && n % 2 == 1))) n += 1;
  if (rounding == isa::Rounding::kStochastic &&
      floor_of_positive(f * 16777216) + (random >> 8) >= Integer(16777216)) {
    n += 1;
  }
  Quantised result = saturate(v < 0, n, width);
  result.underflow = v != 0 && result.n == 0;
  return result;
}

// The rounded magnitude of |v| · 2^q, in long double: exact while |v| has at most 64 significant bits.
inline long double rounded(long double magnitude, int q, isa::Rounding rounding, std::uint32_t random) {
  const long double m = std::ldexp(magnitude, q);
  const long double n = std::floor(m);
  const long double f = m - n;
  switch (rounding) {
    case isa::Rounding::kNearestEven:
      return f > 0.5L || (f == 0.5L && std::fmod(n, 2.0L) == 1) ? n + 1 : n;
    case isa::Rounding::kStochastic:
      return std::floor(f * 16777216.0L) + (random >> 8) >= 16777216.0L ? n + 1 : n;
    case isa::Rounding::kTowardsZero:
      return n;
  }
  return n;
}
inline Quantised saturate(bool negative, bool zero, long double n, int width) {
  const long double high = static_cast<long double>((1 << (width - 1)) - 1);
  const long double value = negative ? -n : n;
  Quantised result;
  result.saturated_high = value > high;
  result.saturated_low = value < -high - 1;
  result.n = static_cast<std::int32_t>(result.saturated_high  ? high
                                       : result.saturated_low ? -high - 1
                                                              : value);
  result.underflow = !zero && result.n == 0;
  return result;
}

}  // namespace anzan::reference
