// Layers that make a value of one value, or of those near it: ReLU, curves, local response normalisation.
#include "tests/reference/double_functions.hpp"

#include <algorithm>
#include <cmath>

#include "tests/reference/curves.hpp"

namespace anzan::reference {

using compiler::Layer;
using compiler::LayerKind;

namespace {

// Whether FP32 could find x on the other side of a place where the slope of the curve jumps: 1 or 0.
Array open_kinks(const CurveLimits& limits, const Bounded& x) {
  const Array errors = x.error();
  Array open(x.value.rows(), x.value.cols());
  for (const double kink : limits.kinks) open = open.max((errors > 0) * ((x.value - kink).abs() <= errors));
  return open;
}

// Values with errors, one by one.
template <class Visit>
void visit_values(const Bounded& x, const Visit& visit) {
  for (Index row = 0; row < x.value.rows(); ++row)
    for (Index column = 0; column < x.value.cols(); ++column) visit(row, column);
}

// y = curve(x). Errors of x grow by the largest slope on the way.
Bounded through_curve(const Layer& l, const Bounded& x) {
  const CurveLimits limits = curve_limits(l);
  const Array open = open_kinks(limits, x), errors = x.error();
  Bounded y = x;
  visit_values(x, [&](Index i, Index j) {
    const CurvePoint at = curve_at(l, x.value(i, j));
    const double slope = open(i, j) > 0
                             ? limits.slope
                             : std::min(limits.slope, std::fabs(at.slope) + limits.bend * errors(i, j));
    y.value(i, j) = at.value;
    y.deviation(i, j) = std::hypot(slope * x.deviation(i, j), at.value_deviation);
    y.shift(i, j) = slope * x.shift(i, j);
  });
  return y;
}

// The slope of the curve at x; jumps that are open are not in its bounds.
Bounded slope_of_curve(const Layer& l, const Bounded& x) {
  const CurveLimits limits = curve_limits(l);
  Bounded slope = x;
  visit_values(x, [&](Index i, Index j) {
    const CurvePoint at = curve_at(l, x.value(i, j));
    slope.value(i, j) = at.slope;
    slope.deviation(i, j) = std::hypot(limits.bend * x.deviation(i, j), at.slope_deviation);
    slope.shift(i, j) = limits.bend * x.shift(i, j);
  });
  return slope;
}

// Which elements a ReLU, leaky or not, finds above zero.
void decide(DoubleState& s, const Bounded& x) {
  for (const double value : x.value.elements()) s.step.decisions.push_back(value > 0);
  s.step.ambiguous += x.open().count();
}

// Sums over the channels that an element meets; back: over those that meet it.
Array near(const Layer& l, const Array& a, bool back) {
  const Index before = back ? l.size / 2 : (l.size - 1) / 2, after = l.size - 1 - before,
              channels = l.out.channels;
  Array sums(a.rows(), a.cols());
  for (Index row = 0; row < a.rows(); ++row) {
    const Index first = row / channels * channels;
    for (Index k = std::max(first, row - before); k < std::min(first + channels, row + after + 1); ++k)
      sums.add_rows(row, a.row(k));
  }
  return sums;
}

// The factors of a dropout.
Array mask(const DoubleState& s, const Layer& l) {
  return s.given(l.name + ".mask", s.input(l).value.rows(), s.input(l).value.cols()).value;
}

}  // namespace

Bounded relu_forward(DoubleState& s, const Layer& l) {
  const Bounded& x = s.input(l);
  decide(s, x);
  const Array may_pass = x.value + x.error() > 0;
  return {x.value.max(0), x.deviation * may_pass, x.shift * may_pass, x.present};
}

// Where the input lies between the places at which the slope jumps is a decision.
Bounded curve_forward(DoubleState& s, const Layer& l) {
  const Bounded& x = s.input(l);
  const CurveLimits limits = curve_limits(l);
  if (!limits.kinks.empty()) {
    for (const double value : x.value.elements()) {
      const auto above = [value](double kink) { return value > kink; };
      s.step.decisions.push_back(
          static_cast<int>(std::count_if(limits.kinks.begin(), limits.kinks.end(), above)));
    }
    s.step.ambiguous += open_kinks(limits, x).count();
  }
  return through_curve(l, x);
}

// With a = alpha / size, a x^2 is at most s, and s at least k: so x's slope is at most k^-beta by itself and
// 2 beta k^-beta by s. Of the powers, exp and ln round.
Bounded lrn_forward(const DoubleState& s, const Layer& l) {
  const Bounded& x = s.input(l);
  const double a = l.alpha / static_cast<double>(l.size);
  const Array sums = l.k + a * near(l, x.value.square(), false), power = sums.pow(-l.beta);
  const double steepest = std::pow(l.k, -l.beta);
  Bounded y = x;
  y.value = x.value * power;
  const Array own = kUnit * (6 + 4 * l.beta * (1 + sums.log().abs())) * y.value;
  const auto moved = [&](const Array& by) { return steepest * (by + 2 * l.beta * near(l, by, false)); };
  y.deviation = (moved(x.deviation).square() + own.square()).sqrt() + kTiny;
  y.shift = moved(x.shift);
  return y;
}

// Slopes of s^-beta and of a x x' s^(-beta - 1) are bounded in the same way, by k^(-beta - 1/2).
void lrn_backward(const DoubleState& s, const Layer& l, const Bounded& dy, BoundedSums& dx) {
  const Bounded& x = s.input(l);
  const double a = l.alpha / static_cast<double>(l.size), b = l.beta;
  const Array sums = l.k + a * near(l, x.value.square(), false), power = sums.pow(-b),
              terms = x.value * sums.pow(-b - 1);
  const double bend = 2 * b * std::sqrt(a) * std::pow(l.k, -b - 0.5);
  Bounded result = dy;
  result.value = dy.value * power - 2 * a * b * x.value * near(l, dy.value * terms, true);
  const Array passed = dy.value.abs() * power,
              met = 2 * a * b * x.value.abs() * near(l, (dy.value * terms).abs(), true);
  const Array own = kUnit * (8 + 4 * (b + 1) * (1 + sums.log().abs().largest())) * (passed + met);
  const Array largest_dy = dy.value.abs() + dy.error();
  const auto moved = [&](const Array& of_dy, const Array& of_x) {
    const Array around = near(l, of_x, false);
    return of_dy * power + 2 * a * b * x.value.abs() * near(l, of_dy * terms.abs(), true) +
           bend * (largest_dy * around + of_x * near(l, largest_dy, true) +
                   near(l, largest_dy * (of_x + 2 * (b + 1) * around), true));
  };
  result.deviation = (moved(dy.deviation, x.deviation).square() + own.square()).sqrt() + kTiny;
  result.shift = moved(dy.shift, x.shift);
  dx.add(selected(result, result.present));
}

void curve_backward(const DoubleState& s, const Layer& l, const Bounded& dy, BoundedSums& dx) {
  const Bounded scaled = times(dy, slope_of_curve(l, s.input(l)));
  const CurveLimits limits = curve_limits(l);
  dx.add(selected(scaled, scaled.present));
  dx.add_open(dy, limits.jump * open_kinks(limits, s.input(l)));
}

void relu_backward(const DoubleState& s, const Layer& l, const Bounded& dy, BoundedSums& dx) {
  dx.add(selected(dy, s.input(l).value > 0));
  dx.add_open(dy, s.input(l).open());
}

Bounded dropout_forward(const DoubleState& s, const Layer& l) { return times(s.input(l), mask(s, l)); }

void dropout_backward(const DoubleState& s, const Layer& l, const Bounded& dy, BoundedSums& dx) {
  dx.add(selected(times(dy, mask(s, l)), dy.present));
}

}  // namespace anzan::reference
