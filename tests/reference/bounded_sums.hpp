// Matrices of values with error bounds (see values.hpp), and sums of products of them.
// A partial sum of K products in any order has an expected square of at most value^2 + sum of squares, so
// that K roundings add  K (u^2 / 3) (value^2 + sum (a b)^2)  to the square of the deviation. Worst-case
// bounds (gamma(K) sum |a b|) exceed the gradients of LeNet a hundredfold, which is why they are not used.
#pragma once
#include "tests/reference/array.hpp"
#include "tests/reference/values.hpp"

namespace anzan::reference {

inline constexpr double kUnit = 0x1p-24;                  // unit roundoff of FP32
inline constexpr double kUnitSquare = kUnit * kUnit / 3;  // mean square of one relative rounding error
inline constexpr double kTiny = 0x1p-149;                 // what a subnormal result may lose

struct Bounded {
  Array value, deviation, shift;
  Array present;  // 1, or 0 where padding stands, which is no term of a sum

  static Bounded exact(const Array& value) {
    const Array zero(value.rows(), value.cols());
    return {value, zero, zero, zero + 1};
  }
  Array error() const { return kConfidence * deviation + shift; }
  // Whether FP32 could find a value on the other side of zero: 1 or 0.
  Array open() const { return (error() > 0) * (value.abs() <= error()); }

  // The same function of all parts.
  template <class Part>
  Bounded each(const Part& part) const {
    return {part(value), part(deviation), part(shift), part(present)};
  }
  Bounded rows(Rows r) const {
    return each([&](const Array& a) { return a.part(r); });
  }
  Bounded transposed() const {
    return each([](const Array& a) { return a.transposed(); });
  }
  Bounded reshaped(Index rows) const {
    return each([&](const Array& a) { return a.reshaped(rows); });
  }
};

// Sums of products under construction.
struct BoundedSums {
  Array value, squares;   // sum of a b, and of (a b)^2
  Array variance, shift;  // square of the deviation that the factors bring, and their shift
  Array terms;

  static BoundedSums zero(Index rows, Index columns) {
    const Array none(rows, columns);
    return {none, none, none, none, none};
  }
  template <class Part>
  BoundedSums each(const Part& part) const {
    return {part(value), part(squares), part(variance), part(shift), part(terms)};
  }
  // Adds the sums to those from row `first` on.
  void add(const BoundedSums& sums, Index first = 0) {
    value.add_rows(first, sums.value);
    squares.add_rows(first, sums.squares);
    variance.add_rows(first, sums.variance);
    shift.add_rows(first, sums.shift);
    terms.add_rows(first, sums.terms);
  }
  // Leaves open whether FP32 adds x where `which` is 1.
  void add_open(const Bounded& x, const Array& which) { shift += which * (x.value.abs() + x.error()); }

  // The sums as values; each has seen one rounding a term and one more.
  Bounded finish() const;
};

// The matrix product.
BoundedSums product(const Bounded& a, const Bounded& b);

// One term each: x where `which` is 1, none where it is 0.
BoundedSums selected(const Bounded& x, const Array& which);

// x times factors; those that are not 1 are rounded to FP32, and so is the product.
Bounded times(const Bounded& x, const Array& factors);

// a b, element by element: rounded where neither is 1 or 0.
Bounded times(const Bounded& a, const Bounded& b);

}  // namespace anzan::reference
