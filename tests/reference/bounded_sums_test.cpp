// The bounds of a sum of products against every way its factors can move.
#include "tests/reference/bounded_sums.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>

namespace anzan::reference {
namespace {

constexpr Index kTerms = 3;

Array row(double x, double y, double z) { return Eigen::Array3d(x, y, z).transpose(); }

// How far the sum of a b moves, for every sign with which each factor moves by `a_by` and `b_by`.
void visit_moves(const Bounded& a, const Array& a_by, const Bounded& b, const Array& b_by,
                 const std::function<void(double)>& visit) {
  const double sum = (a.value.matrix() * b.value.matrix()).value();
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
  Bounded a = Bounded::exact(row(2, -3, 0.5)), b = Bounded::exact(row(-1.5, -4, 7).transpose());
  a.shift = row(0.5, 0.25, 2);
  b.shift = row(0, 1, 0.125).transpose();
  double farthest = 0;
  visit_moves(a, a.shift, b, b.shift, [&](double move) { farthest = std::max(farthest, std::fabs(move)); });
  EXPECT_NEAR(product(a, b).shift.value(), farthest, 1e-12);
}

TEST(ReferenceBounds, VarianceIsTheMeanSquareOfAllMoves) {
  Bounded a = Bounded::exact(row(2, -3, 0.5)), b = Bounded::exact(row(-1.5, -4, 7).transpose());
  a.deviation = 1e-5 * row(3, 1, 2);
  b.deviation = 1e-5 * row(1, 5, 0).transpose();
  double squares = 0;
  int moves = 0;
  visit_moves(a, a.deviation, b, b.deviation, [&](double move) {
    squares += move * move;
    ++moves;
  });
  EXPECT_NEAR(product(a, b).variance.value() * moves / squares, 1, 1e-8);
  a.shift = row(1, 1, 1);  // a deviation of b counts with the largest factor it can meet
  b.deviation = row(1, 0, 0).transpose();
  a.deviation = row(0, 0, 0);
  EXPECT_EQ(product(a, b).variance.value(), 9);
}

TEST(ReferenceBounds, EveryTermButPaddingRounds) {
  const Bounded a = Bounded::exact(row(2, -3, 0.5));
  Bounded b = Bounded::exact(row(-1, 4, 0).transpose());
  EXPECT_EQ(product(a, b).terms.value(), 3);
  b.present(2) = 0;
  BoundedSums sum = product(a, b);
  EXPECT_EQ(sum.terms.value(), 2);
  EXPECT_EQ(sum.squares.value(), 4 + 144);
  sum.add(product(a, b));
  EXPECT_NEAR(sum.finish().deviation.value(), std::sqrt(5 * kUnitSquare * (28 * 28 + 2 * 148)), 1e-15);
  sum.add_open(Bounded::exact(row(-3, 0, 0).leftCols(1)), Array::Ones(1, 1));
  EXPECT_EQ(sum.finish().error().value() - kConfidence * sum.finish().deviation.value(), 3);
}

}  // namespace
}  // namespace anzan::reference
