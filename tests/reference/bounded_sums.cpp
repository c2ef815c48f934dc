// How errors of factors and roundings of sums and products add up; why, the header says.
#include "tests/reference/bounded_sums.hpp"

namespace anzan::reference {

Bounded BoundedSums::finish() const {
  Bounded result = Bounded::exact(value);
  const Array mean_square = value.square() + squares, roundings = terms + 1;
  result.deviation =
      (variance + roundings * kUnitSquare * mean_square).sqrt() + kTiny * roundings * (mean_square > 0);
  result.shift = shift;
  return result;
}

BoundedSums product(const Bounded& a, const Bounded& b) {
  const Array a_largest = a.value.abs() + a.shift, b_largest = b.value.abs() + b.shift;
  return {product(a.value, b.value), product(a.value.square(), b.value.square()),
          product(a.deviation.square(), b_largest.square() + b.deviation.square()) +
              product(a_largest.square(), b.deviation.square()),
          product(a.value.abs(), b.shift) + product(a.shift, b_largest), product(a.present, b.present)};
}

BoundedSums selected(const Bounded& x, const Array& which) {
  return {which * x.value, which * x.value.square(), which * x.deviation.square(), which * x.shift, which};
}

Bounded times(const Bounded& x, const Array& factors) {
  const Array value = factors * x.value, rounded = (factors != 1) * (value != 0);
  const Array roundings = 2 * kUnit * rounded * value;
  return {value, ((factors * x.deviation).square() + roundings.square()).sqrt() + kTiny * rounded,
          factors * x.shift, x.present};
}

Bounded times(const Bounded& a, const Bounded& b) {
  const Array value = a.value * b.value;
  const Array rounded = (a.value != 1) * (b.value != 1) * (value != 0);
  const Array a_shifted = a.value.abs() + a.shift, b_shifted = b.value.abs() + b.shift;
  const Array variance = (a_shifted * b.deviation).square() + (b_shifted * a.deviation).square() +
                         (a.deviation * b.deviation).square() + (kUnit * rounded * value).square();
  const Array a_largest = a.value.abs() + a.error();
  return {value, variance.sqrt() + kTiny * rounded,
          a_largest * b.shift + a.shift * (b.value.abs() + b.error()), a.present};
}

}  // namespace anzan::reference
