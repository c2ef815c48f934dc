// Functions of one value, in FP32 and in double precision; see curves.hpp.
#include "tests/reference/curves.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "tests/reference/numbers.hpp"

namespace anzan::reference {
namespace {

using compiler::Layer;
using compiler::LayerKind;

constexpr float kSixth = 1.0F / 6, kThird = 1.0F / 3;

float larger(float a, float b) { return a > b ? a : b; }
float smaller(float a, float b) { return a < b ? a : b; }

float by_horner(const std::vector<float>& coefficients, float x) {
  float sum = coefficients[0];
  for (std::size_t k = 1; k < coefficients.size(); ++k) sum = std::fma(sum, x, coefficients[k]);
  return sum;
}

float exp_fp32(float x) {
  const float n = std::nearbyint(x * 1.44269504088896341F);
  float r = std::fma(-n, 0.693359375F, x);
  r = std::fma(-n, -2.12194440e-4F, r);
  const float p = by_horner({1.9875691500e-4F, 1.3981999507e-3F, 8.3334519073e-3F, 4.1665795894e-2F,
                             1.6666665459e-1F, 5.0000001201e-1F, 1.0F, 1.0F},
                            r);
  return std::ldexp(p, static_cast<int>(n));
}

float reciprocal_fp32(float d) {
  float y = float_of(0x7ef311c7 - bits_of(d));
  for (int step = 0; step < 3; ++step) y = y * std::fma(-y, d, 2.0F);
  return y;
}

float sigmoid_fp32(float x) { return reciprocal_fp32(1.0F + exp_fp32(-larger(x, -86.0F))); }

float tanh_fp32(float x) {
  const float z = std::fabs(x);
  if (z > 0.625F) {
    const float e = exp_fp32(2 * smaller(z, 10.0F));
    return std::copysign(std::fma(-2.0F, reciprocal_fp32(e + 1.0F), 1.0F), x);
  }
  const float square = z * z;
  const float p = by_horner(
      {-5.70498872745e-3F, 2.06390887954e-2F, -5.37397155531e-2F, 1.33314422036e-1F, -3.33332819422e-1F},
      square);
  return std::copysign(std::fma(p * square, z, z), x);
}

float hard_step_fp32(float x) { return smaller(larger(std::fma(x, kSixth, 0.5F), 0.0F), 1.0F); }

double logistic(double x) { return 1 / (1 + std::exp(-x)); }

constexpr double kHalfUnit = 0x1p-24;

}  // namespace

float power_fp32(float x, float exponent) {
  int k = 0;
  float m = std::frexp(x, &k);  // from 1/2 on
  if (m < 0.70710677F) {
    m = 2 * m;
    --k;
  }
  const float t = m - 1.0F, square = t * t, n = static_cast<float>(k);
  float p =
      by_horner({7.0376836292e-2F, -1.1514610310e-1F, 1.1676998740e-1F, -1.2420140846e-1F, 1.4249322787e-1F,
                 -1.6668057665e-1F, 2.0000714765e-1F, -2.4999993993e-1F, 3.3333331174e-1F},
                t);
  p = p * t * square;
  p = std::fma(n, -2.12194440e-4F, p);
  p = std::fma(-square, 0.5F, p);
  const float log = std::fma(n, 0.693359375F, t + p);
  return exp_fp32(larger(log * exponent, -86.0F));
}

bool is_curve(const Layer& l) {
  switch (l.kind) {
    case LayerKind::kLeakyRelu:
    case LayerKind::kClip:
    case LayerKind::kHardSigmoid:
    case LayerKind::kHardSwish:
    case LayerKind::kSigmoid:
    case LayerKind::kSwish:
    case LayerKind::kTanh:
      return true;
    default:
      return false;
  }
}

float curve_fp32(const Layer& l, float x) {
  switch (l.kind) {
    case LayerKind::kLeakyRelu:
      return x > 0 ? x : x * static_cast<float>(l.negative_slope);
    case LayerKind::kClip:
      return smaller(larger(x, static_cast<float>(l.least)), static_cast<float>(l.greatest));
    case LayerKind::kHardSigmoid:
      return hard_step_fp32(x);
    case LayerKind::kHardSwish:
      return x * hard_step_fp32(x);
    case LayerKind::kSigmoid:
      return sigmoid_fp32(x);
    case LayerKind::kSwish:
      return x * sigmoid_fp32(x);
    case LayerKind::kTanh:
      return tanh_fp32(x);
    default:
      throw std::logic_error("reference: not a function of one value");
  }
}

float curve_gradient_fp32(const Layer& l, float dy, float x, float y) {
  const bool within = x > -3 && x < 3;
  switch (l.kind) {
    case LayerKind::kLeakyRelu:
      return x > 0 ? dy : dy * static_cast<float>(l.negative_slope);
    case LayerKind::kClip:
      return x > static_cast<float>(l.least) && x < static_cast<float>(l.greatest) ? dy : 0.0F;
    case LayerKind::kHardSigmoid:
      return dy * (within ? kSixth : 0.0F);
    case LayerKind::kHardSwish:
      return dy * (within ? std::fma(x, kThird, 0.5F) : x >= 3 ? 1.0F : 0.0F);
    case LayerKind::kSigmoid:
      return dy * ((1.0F - y) * y);
    case LayerKind::kSwish: {
      const float s = sigmoid_fp32(x);
      return dy * (s * std::fma(x, 1.0F - s, 1.0F));
    }
    case LayerKind::kTanh:
      return dy * std::fma(-y, y, 1.0F);
    default:
      throw std::logic_error("reference: not a function of one value");
  }
}

CurvePoint curve_at(const Layer& l, double x) {
  const double u = kHalfUnit, s = logistic(x), t = std::tanh(x);
  const double cut_off = x < -80 ? 0x1p-110 : 0;  // sigmoid of all that is below -86 is the same
  const bool within = x > -3 && x < 3;
  switch (l.kind) {
    case LayerKind::kLeakyRelu: {
      const double slope = x > 0 ? 1 : l.negative_slope;
      const bool exact = slope == 1 || x == 0;
      return {slope * x, slope, 0, exact ? 0 : 2 * u * std::fabs(slope * x), exact ? 0 : u * slope};
    }
    case LayerKind::kClip: {
      const bool inside = x > l.least && x < l.greatest;
      return {std::min(std::max(x, l.least), l.greatest), inside ? 1.0 : 0.0, 0, 0, 0};
    }
    case LayerKind::kHardSigmoid:
      return {std::min(std::max(x / 6 + 0.5, 0.0), 1.0), within ? 1.0 / 6 : 0.0, 0, within ? 2 * u : 0,
              within ? u / 6 : 0};
    case LayerKind::kHardSwish:
      if (!within) return {x > 0 ? x : 0, x > 0 ? 1.0 : 0.0, 0, 0, 0};
      return {x * (x / 6 + 0.5), x / 3 + 0.5, 1.0 / 3, 3 * u * std::fabs(x), 2 * u};
    case LayerKind::kSigmoid:
      return {s, s * (1 - s), s * (1 - s) * (1 - 2 * s), 2 * u * s + cut_off, 3 * u * s + cut_off};
    case LayerKind::kSwish:
      return {x * s, s * (1 + x * (1 - s)), s * (1 - s) * (2 + x * (1 - 2 * s)),
              3 * u * std::fabs(x * s) + cut_off, 5 * u * s * (1 + std::fabs(x)) + cut_off};
    case LayerKind::kTanh:
      return {t, 1 - t * t, -2 * t * (1 - t * t), 2 * u * std::fabs(t), 4 * u * t * t + u};
    default:
      throw std::logic_error("reference: not a function of one value");
  }
}

CurveLimits curve_limits(const Layer& l) {
  switch (l.kind) {
    case LayerKind::kLeakyRelu:
      return {1, 0, {0}, 1 - l.negative_slope};
    case LayerKind::kClip:
      return {1, 0, {l.least, l.greatest}, 1};
    case LayerKind::kHardSigmoid:
      return {1.0 / 6, 0, {-3, 3}, 1.0 / 6};
    case LayerKind::kHardSwish:
      return {1.5, 1.0 / 3, {-3, 3}, 0.5};
    case LayerKind::kSigmoid:
      return {0.25, 0.097, {}, 0};
    case LayerKind::kSwish:
      return {1.1, 0.5, {}, 0};
    case LayerKind::kTanh:
      return {1, 0.77, {}, 0};
    default:
      throw std::logic_error("reference: not a function of one value");
  }
}

}  // namespace anzan::reference
