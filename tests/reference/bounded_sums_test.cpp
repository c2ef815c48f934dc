// The bounds of a sum of products against every way its factors can move.
#include "tests/reference/bounded_sums.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>

namespace anzan::reference::bounded_sums_test {
namespace {

constexpr Index kTerms = 3;

Array row(double x, double y, double z) { return {1, 3, {x, y, z}}; }

// How far the sum of a b moves, for every sign with which each factor moves by `a_by` and `b_by`.
void visit_moves(const Bounded& a, const Array& a_by, const Bounded& b, const Array& b_by,
                 const std::function<void(double)>& visit) {
  const double sum = product(a.value, b.value)(0);
  for (unsigned signs = 0; signs < 1U << (2 * kTerms); ++signs) {
    double moved = 0;
    for (Index k = 0; k < kTerms; ++k) {
      const double a_sign = (signs >> k) % 2 == 0 ? 1 : -1,
                   b_sign = (signs >> (k + kTerms)) % 2 == 0 ? 1 : -1;
      moved += (a.value(k) + a_sign * a_by(k)) * (b.value(k) + b_sign * b_by(k));
    }
    visit(moved - sum);
  }
}

TEST(ReferenceBounds, ShiftIsTheFarthestMove) {
  Bounded a = Bounded::exact(row(2, -3, 0.5)), b = Bounded::exact(row(-1.5, -4, 7).transposed());
  a.shift = row(0.5, 0.25, 2);
  b.shift = row(0, 1, 0.125).transposed();
  double farthest = 0;
  visit_moves(a, a.shift, b, b.shift, [&](double move) { farthest = std::max(farthest, std::fabs(move)); });
  EXPECT_NEAR(product(a, b).shift(0), farthest, 1e-12);
}

TEST(ReferenceBounds, VarianceIsTheMeanSquareOfAllMoves) {
  Bounded a = Bounded::exact(row(2, -3, 0.5)), b = Bounded::exact(row(-1.5, -4, 7).transposed());
  a.deviation = 1e-5 * row(3, 1, 2);
  b.deviation = 1e-5 * row(1, 5, 0).transposed();
  double squares = 0;
  int moves = 0;
  visit_moves(a, a.deviation, b, b.deviation, [&](double move) {
    squares += move * move;
    ++moves;
  });
  EXPECT_NEAR(product(a, b).variance(0) * moves / squares, 1, 1e-8);
  a.shift = row(1, 1, 1);  // a deviation of b counts with the largest factor it can meet
  b.deviation = row(1, 0, 0).transposed();
  a.deviation = row(0, 0, 0);
  EXPECT_EQ(product(a, b).variance(0), 9);
}

TEST(ReferenceBounds, EveryTermButPaddingRounds) {
  const Bounded a = Bounded::exact(row(2, -3, 0.5));
  Bounded b = Bounded::exact(row(-1, 4, 0).transposed());
  EXPECT_EQ(product(a, b).terms(0), 3);
  b.present(2) = 0;
  BoundedSums sum = product(a, b);
  EXPECT_EQ(sum.terms(0), 2);
  EXPECT_EQ(sum.squares(0), 4 + 144);
  sum.add(product(a, b));
  EXPECT_NEAR(sum.finish().deviation(0), std::sqrt(5 * kUnitSquare * (28 * 28 + 2 * 148)), 1e-15);
  sum.add_open(Bounded::exact(Array(1, 1, -3)), Array(1, 1, 1));
  EXPECT_EQ(sum.finish().error()(0) - kConfidence * sum.finish().deviation(0), 3);
}

}  // namespace
}  // namespace anzan::reference::bounded_sums_test
