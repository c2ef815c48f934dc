// Where the bounds come from stands at each function.
#include "tests/reference/bounded_norm.hpp"

#include <algorithm>

namespace anzan::reference {

ChannelMoments moments(const Bounded& x, double epsilon) {
  ChannelMoments c;
  const double m = static_cast<double>(x.value.size());
  c.mean = x.value.mean();
  c.mean_square = x.value.square().mean();
  c.d = x.value - c.mean;
  c.variance = c.d.square().mean();
  c.inverse = 1 / std::sqrt(c.variance + epsilon);
  const double terms = (m + 3) * kUnitSquare, squares = x.value.square().sum() / m / m;
  c.mean_rounding = std::sqrt(terms * (c.mean * c.mean + squares)) + kTiny;
  c.mean_deviation = std::hypot(c.mean_rounding, std::sqrt(x.deviation.square().sum()) / m);
  c.mean_shift = x.shift.mean();
  const double given = 2 / m * std::sqrt((c.d * x.deviation).square().sum());
  const double sums = std::sqrt(terms * (c.mean_square * c.mean_square + x.value.pow(4).sum() / m / m));
  c.variance_deviation = std::hypot(std::hypot(given, sums), 2 * std::fabs(c.mean) * c.mean_rounding) + kTiny;
  c.variance_shift = 2 * (c.d.abs() * x.shift).mean() + x.shift.square().mean();
  const double least = c.variance - kConfidence * c.variance_deviation - c.variance_shift;
  c.most = 1 / std::sqrt(std::max(0.0, least) + epsilon * (1 - kUnit));
  return c;
}

// y = (x - mean) s + bias, s = weight / deviation, as x s + (bias - mean s). An error of s multiplies x -
// mean, since the summand has the same s. With e the errors of x, those of y are
//   s (e_i - mean of e - d_i / deviation^2 mean of (d e)),
// of which the coefficient of e_i is at most 1, and the square of those of the others at most
// 2 / m^2 (1 + d_i^2 d_j^2 / deviation^4).
Bounded normalised(const ChannelMoments& k, double weight, double bias, const Bounded& x) {
  const double m = static_cast<double>(x.value.size()), s = weight * k.inverse, summand = bias - k.mean * s;
  Bounded y = Bounded::exact(s * k.d + bias);
  const Array size = k.d.abs() + x.error() + kConfidence * k.mean_rounding;
  const Array x_square = x.deviation.square(), d_square = size.square();
  const double most = std::fabs(weight) * k.most, all = 2 / m / m, fourth = std::pow(k.most, 4);
  const double rounding = std::hypot(most * k.mean_rounding, 2 * kUnit * summand);
  const double sums = std::hypot(k.most * k.most / 2 * k.variance_deviation, 6 * kUnit);
  y.deviation =
      (most * most *
           (x_square + all * x_square.sum() + all * fourth * d_square * (d_square * x_square).sum()) +
       rounding * rounding + (most * size * sums).square() + (kUnit * y.value).square())
          .sqrt() +
      kTiny;
  y.shift = most * (x.shift + k.mean_shift + (k.d.abs() + x.shift + k.mean_shift) * k.ratio_shift());
  return y;
}

// With h = d / deviation and g = sum of dy h, the gradient of the weight:
//   dx = s (dy - (sum of dy) / m - h g / m) = t1 + t2 + t3.
// g is (sum of dy x - mean sum of dy) / deviation: roundings of the sums are relative to their terms, as FP32
// finds them (`size`), and an error of the mean moves g by that times the sum of dy. An error e of x moves h
// by e / deviation, by the mean of e, and by that of the deviation; the three together are at most three
// times the sum of their squares. The error of 1 / deviation stands in s, in h and in g.
NormGradient weight_gradient(const ChannelMoments& k, const Bounded& x, const Bounded& dy) {
  const double m = static_cast<double>(x.value.size()), terms = (m + 3) * kUnitSquare;
  const auto root = [](const Array& a) { return std::sqrt(a.square().sum()); };
  const Array size = dy.value.abs() + dy.error();
  NormGradient r;
  r.d_size = k.d.abs() + x.error() + kConfidence * k.mean_deviation + k.mean_shift;
  r.sum = dy.value.sum();
  const double sum_rounding = std::sqrt(terms) * std::hypot(r.sum, root(size)) + kTiny;
  r.sum_deviation = std::hypot(sum_rounding, root(dy.deviation));
  r.sum_shift = dy.shift.sum();
  const double sum_size = std::fabs(r.sum) + kConfidence * r.sum_deviation + r.sum_shift;
  const double products = (dy.value * x.value).sum();
  const double product_rounding = std::sqrt(terms) * std::hypot(products, root(size * x.value)) + kTiny;
  r.g = (dy.value * k.d).sum() * k.inverse;
  const double by_sums =
      k.most * std::hypot(product_rounding, k.mean * sum_rounding, k.mean_rounding * sum_size);
  const double by_dy = k.most * root(r.d_size * dy.deviation);
  const double by_x = 3 * k.most * std::hypot(root(size * x.deviation), sum_size * k.mean_deviation);
  const double others = std::hypot(by_sums, by_dy, by_x);
  r.g_deviation = std::hypot(others, 3 * (std::fabs(r.g) + kConfidence * others) * k.ratio_deviation());
  r.g_shift = 2 * (k.most * ((r.d_size * dy.shift).sum() + (size * (x.shift + k.mean_shift)).sum()) +
                   std::fabs(r.g) * k.ratio_shift());
  return r;
}

Bounded data_gradient(const ChannelMoments& k, const NormGradient& r, double weight, const Bounded& x,
                      const Bounded& dy) {
  const double m = static_cast<double>(x.value.size()), s = weight * k.inverse, t2 = -s * r.sum / m;
  const Array t1 = s * dy.value, t3 = -s * k.inverse * r.g / m * k.d;
  Bounded dx = Bounded::exact(t1 + t2 + t3);
  const double most = std::fabs(weight) * k.most;
  const double g_size = std::fabs(r.g) + kConfidence * r.g_deviation + r.g_shift;
  const double b_size = most * k.most / m * g_size;
  const double t2_size = most / m * (std::fabs(r.sum) + kConfidence * r.sum_deviation + r.sum_shift);
  const Array t3_size = b_size * r.d_size;
  const Array roundings =
      4 * kUnit *
      (most * (dy.value.abs() + dy.error()) + 2 * t2_size + 2 * t3_size + b_size * std::fabs(k.mean));
  const Array others =
      (most * most * (dy.deviation.square() + std::pow(r.sum_deviation / m, 2)) +
       (most * k.most / m * r.g_deviation * r.d_size).square() +
       2 * b_size * b_size * (x.deviation.square() + std::pow(k.mean_deviation, 2)) + roundings.square())
          .sqrt();
  const Array by_ratio = dx.value.abs() + kConfidence * others + 2 * t3_size;
  dx.deviation = (others.square() + (by_ratio * k.ratio_deviation()).square()).sqrt() + kTiny;
  dx.shift = 2 * (most * (dy.shift + r.sum_shift / m) + most * k.most / m * r.g_shift * r.d_size +
                  b_size * (x.shift + k.mean_shift) + by_ratio * k.ratio_shift());
  return dx;
}

}  // namespace anzan::reference
