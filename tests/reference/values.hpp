// Arrays of double-precision values that carry how far a correct FP32 implementation may be from them.
// Two parts, because they grow differently:
//   deviation: rounding errors, which are as good as independent. They add as squares (Higham and Mary,
//     A new approach to probabilistic rounding error analysis, 2019); one rounding to nearest of s has a
//     deviation of at most u |s| / sqrt(3), u = 2^-24.
//   shift: what a decision that is open (which tap is the maximum, whether a ReLU passes) may add or
//     remove. It is bounded rigorously: shifts add as magnitudes.
// error = kConfidence * deviation + shift bounds the difference.
#pragma once
#include <cstddef>
#include <vector>

namespace anzan::reference {

inline constexpr double kConfidence = 6;  // deviations that make a bound

// Elements in logical row-major order ([N][C][H][W], [OC][IC/groups][KH][KW] or [C]).
struct Values {
  std::vector<double> value, deviation, shift;
  double error(std::size_t i) const { return kConfidence * deviation[i] + shift[i]; }
};

}  // namespace anzan::reference
