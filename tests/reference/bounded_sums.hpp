// Matrices of values with error bounds (see values.hpp), and sums of products of them.
// A partial sum of K products in any order has an expected square of at most value^2 + sum of squares, so
// that K roundings add  K (u^2 / 3) (value^2 + sum (a b)^2)  to the square of the deviation. Worst-case
// bounds (gamma(K) sum |a b|) exceed the gradients of LeNet a hundredfold, which is why they are not used.
#pragma once
#include <Eigen/Core>

#include "tests/reference/values.hpp"

namespace anzan::reference {

inline constexpr double kUnit = 0x1p-24;                  // unit roundoff of FP32
inline constexpr double kUnitSquare = kUnit * kUnit / 3;  // mean square of one relative rounding error
inline constexpr double kTiny = 0x1p-149;                 // what a subnormal result may lose

using Array = Eigen::Array<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Eigen::Index;

struct Rows {
  Index first, count;
};

struct Bounded {
  Array value, deviation, shift;
  Array present;  // 1, or 0 where padding stands, which is no term of a sum

  static Bounded exact(const Array& value) {
    const Array zero = Array::Zero(value.rows(), value.cols());
    return {value, zero, zero, zero + 1};
  }
  Array error() const { return kConfidence * deviation + shift; }
  // Whether FP32 could find a value on the other side of zero: 1 or 0.
  Array open() const { return (error() > 0 && value.abs() <= error()).cast<double>(); }

  // The same function of all parts.
  template <class Part>
  Bounded each(const Part& part) const {
    return {part(value), part(deviation), part(shift), part(present)};
  }
  Bounded rows(Rows r) const {
    return each([&](const Array& a) -> Array { return a.middleRows(r.first, r.count); });
  }
  Bounded transposed() const {
    return each([](const Array& a) -> Array { return a.transpose(); });
  }
  Bounded reshaped(Index rows) const {
    return each([&](const Array& a) -> Array { return a.reshaped<Eigen::RowMajor>(rows, a.size() / rows); });
  }
};

// Sums of products under construction.
struct BoundedSums {
  Array value, squares;   // sum of a b, and of (a b)^2
  Array variance, shift;  // square of the deviation that the factors bring, and their shift
  Array terms;

  static BoundedSums zero(Index rows, Index columns) {
    const Array none = Array::Zero(rows, columns);
    return {none, none, none, none, none};
  }
  template <class Part>
  BoundedSums each(const Part& part) const {
    return {part(value), part(squares), part(variance), part(shift), part(terms)};
  }
  // Adds the sums to those from row `first` on.
  void add(const BoundedSums& sums, Index first = 0) {
    const auto add = [&](Array& to, const Array& a) { to.middleRows(first, a.rows()) += a; };
    add(value, sums.value);
    add(squares, sums.squares);
    add(variance, sums.variance);
    add(shift, sums.shift);
    add(terms, sums.terms);
  }
  // Leaves open whether FP32 adds x where `which` is 1.
  void add_open(const Bounded& x, const Array& which) { shift += which * (x.value.abs() + x.error()); }

  // The sums as values; each has seen one rounding a term and one more.
  Bounded finish() const {
    Bounded result = Bounded::exact(value);
    const Array mean_square = value.square() + squares, roundings = terms + 1;
    result.deviation = (variance + roundings * kUnitSquare * mean_square).sqrt() +
                       kTiny * roundings * (mean_square > 0).cast<double>();
    result.shift = shift;
    return result;
  }
};

// The matrix product.
inline BoundedSums product(const Bounded& a, const Bounded& b) {
  const auto times = [](const Array& x, const Array& y) -> Array { return x.matrix() * y.matrix(); };
  const Array a_largest = a.value.abs() + a.shift, b_largest = b.value.abs() + b.shift;
  return {times(a.value, b.value), times(a.value.square(), b.value.square()),
          times(a.deviation.square(), b_largest.square() + b.deviation.square()) +
              times(a_largest.square(), b.deviation.square()),
          times(a.value.abs(), b.shift) + times(a.shift, b_largest), times(a.present, b.present)};
}

// One term each: x where `which` is 1, none where it is 0.
inline BoundedSums selected(const Bounded& x, const Array& which) {
  return {which * x.value, which * x.value.square(), which * x.deviation.square(), which * x.shift, which};
}

}  // namespace anzan::reference
