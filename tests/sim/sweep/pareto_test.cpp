// Fronts against every pair of points; hypervolumes against values by hand and a count of cells.
#include "sim/sweep/pareto.hpp"

#include <gmock/gmock.h>

#include <random>

#include "sim/sweep/hypervolume.hpp"

namespace anzan::sim::pareto_test {
namespace {

using ::testing::ElementsAre;

std::vector<Objectives> drawn(std::mt19937& random, std::size_t count, std::size_t objectives, int values) {
  std::vector<Objectives> points(count, Objectives(objectives));
  for (Objectives& point : points)
    for (double& value : point) value = std::uniform_int_distribution<int>(0, values - 1)(random);
  return points;
}

// In words: no coordinate is greater, and one is less.
bool beats(const Objectives& a, const Objectives& b) {
  int less = 0, greater = 0;
  for (std::size_t k = 0; k < a.size(); ++k) {
    less += a[k] < b[k] ? 1 : 0;
    greater += a[k] > b[k] ? 1 : 0;
  }
  return less > 0 && greater == 0;
}

TEST(Pareto, FrontsAreThoseOfEveryPair) {
  std::mt19937 random(1);
  for (int round = 0; round < 200; ++round) {
    const std::size_t objectives = 1 + static_cast<std::size_t>(round % 5);
    const std::vector<Objectives> points = drawn(random, 60, objectives,
                                                 round % 3 == 0   ? 4
                                                 : round % 3 == 1 ? 30
                                                                  : 100000);
    std::vector<std::size_t> front;
    for (std::size_t p = 0; p < points.size(); ++p) {
      const bool beaten =
          std::any_of(points.begin(), points.end(), [&](const Objectives& q) { return beats(q, points[p]); });
      if (!beaten) front.push_back(p);
      for (const Objectives& q : points) ASSERT_EQ(dominates(q, points[p]), beats(q, points[p]));
    }
    EXPECT_EQ(pareto_front(points), front) << "round " << round;
    const std::vector<std::uint32_t> ranks = pareto_ranks(points);
    for (std::size_t p = 0; p < points.size(); ++p) {  // one more than the last front of those that beat it
      std::uint32_t rank = 0;
      for (std::size_t q = 0; q < points.size(); ++q)
        if (beats(points[q], points[p])) rank = std::max(rank, ranks[q] + 1);
      ASSERT_EQ(ranks[p], rank) << "round " << round;
    }
  }
  EXPECT_THAT(pareto_front({}), ElementsAre());
}

TEST(Hypervolume, IsThatOfTextbooks) {
  EXPECT_DOUBLE_EQ(hypervolume({{1, 3}, {2, 2}, {3, 1}}, {4, 4}), 6);
  EXPECT_DOUBLE_EQ(hypervolume({{1, 3}, {2, 2}, {3, 1}, {3, 3}, {4, 0}, {5, 0}}, {4, 4}), 6)
      << "dominated, or beyond the reference";
  EXPECT_DOUBLE_EQ(hypervolume({{0, 0, 0}}, {2, 3, 4}), 24);
  EXPECT_DOUBLE_EQ(hypervolume({}, {1, 1}), 0);
}

TEST(Hypervolume, IsTheNumberOfCellsThatAreDominated) {
  std::mt19937 random(2);
  for (const std::size_t objectives : {2U, 3U, 4U}) {
    const std::vector<Objectives> points = drawn(random, 12, objectives, 8);
    int cells = 0;
    for (int cell = 0; cell < 1 << (3 * objectives); ++cell) {
      Objectives corner(objectives);
      for (std::size_t k = 0; k < objectives; ++k) corner[k] = (cell >> (3 * k)) & 7;
      cells += std::any_of(points.begin(), points.end(), [&](const Objectives& p) {
        for (std::size_t k = 0; k < objectives; ++k)
          if (p[k] > corner[k]) return false;
        return true;
      });
    }
    EXPECT_DOUBLE_EQ(hypervolume(points, Objectives(objectives, 8)), cells);
  }
}

}  // namespace
}  // namespace anzan::sim::pareto_test
