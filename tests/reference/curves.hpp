// Functions of one value that layers apply element by element: as the chip must compute them, in FP32
// operations of a stated order, and as a textbook has them, in double precision.
//
// FP32, every operation rounded once; c fused into fma(a, b, c):
//   exp(x): n = rint(x log2 e); r = fma(-n, 0.693359375, x), r = fma(-n, -2.12194440e-4, r); Cephes'
//   polynomial
//     of r by fma, highest power first; times 2^n.
//   1 / d: bits 0x7ef311c7 - bits(d), then three times y = y fma(-y, d, 2).
//   clip: the smaller of max and the larger of min and x.
//   hard sigmoid: h = clip(fma(x, fl(1/6), 1/2), 0, 1). Hard swish: x h.
//   sigmoid: s = 1 / (1 + exp(-x)), of x at least -86. Swish: x s.
//   tanh: z = |x|; up to 0.625, with Cephes' polynomial p of z^2: fma(p z^2, z, z); above it
//     fma(-2, 1 / (exp(2 min(z, 10)) + 1), 1); with the sign of x.
// Gradients, of x as stored, or of y as stored for sigmoid and tanh; dy times
//   leaky ReLU: 1 where x > 0, else fl(slope). Clip: dy itself where min < x < max, else +0.
//   hard sigmoid: fl(1/6) where -3 < x < 3, else +0.
//   hard swish: fma(x, fl(1/3), 1/2) where -3 < x < 3, 1 from there on, else +0.
//   sigmoid: (1 - y) y. Swish: s fma(x, 1 - s, 1). tanh: fma(-y, y, 1).
#pragma once
#include <vector>

#include "compiler/input/layers.hpp"

namespace anzan::reference {

bool is_curve(const compiler::Layer& l);

// x^exponent as exp(exponent ln x), x a normal number above zero. ln as Cephes' logf: x = m 2^k, m from
// sqrt(1/2) on, t = m - 1: fma(k, 0.693359375, t + fma(-t^2, 1/2, fma(k, -2.12194440e-4, p t t^2))).
float power_fp32(float x, float exponent);

float curve_fp32(const compiler::Layer& l, float x);
float curve_gradient_fp32(const compiler::Layer& l, float dy, float x, float y);

// A curve around one place: its value, its first two derivatives, and how far FP32's operations alone bring
// value and slope off, as a deviation.
struct CurvePoint {
  double value = 0, slope = 0, bend = 0;
  double value_deviation = 0, slope_deviation = 0;
};
CurvePoint curve_at(const compiler::Layer& l, double x);

// What holds everywhere: bounds of slope and bend, and where the slope jumps, by at most `jump`.
struct CurveLimits {
  double slope = 1, bend = 0;
  std::vector<double> kinks;
  double jump = 0;
};
CurveLimits curve_limits(const compiler::Layer& l);

}  // namespace anzan::reference
