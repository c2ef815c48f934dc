// Offsets of buffers: never overlapping, least where that is known, the same every time.
#include "compiler/memory/offsets.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <numeric>
#include <stdexcept>

#include "tests/compiler/memory/allocation_problems.hpp"

namespace anzan::compiler::offsets_test {
namespace {

using tests::fault_of;

OffsetOptions exact(std::int64_t nodes = 200'000) {
  OffsetOptions options;
  options.gear = OffsetGear::kExact;
  options.most_nodes = nodes;
  return options;
}

// The greatest sum of sizes alive at one time, from the definition.
std::int64_t load_of(const std::vector<Buffer>& buffers) {
  std::int64_t most = 0;
  for (const Buffer& at : buffers) {
    std::int64_t sum = 0;
    for (const Buffer& b : buffers)
      if (b.lower <= at.lower && at.lower < b.upper) sum += b.size;
    most = std::max(most, sum);
  }
  return most;
}

// Each permutation, each buffer at the least offset where it meets none before it: one of them is a best
// plan, since the order of its offsets pushes every buffer as low as it can be.
std::int64_t least_height(const std::vector<Buffer>& buffers) {
  std::vector<std::size_t> order(buffers.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::int64_t least = std::numeric_limits<std::int64_t>::max();
  do {
    std::vector<std::int64_t> offsets(buffers.size());
    std::int64_t height = 0;
    for (std::size_t k = 0; k < order.size(); ++k) {
      const Buffer& b = buffers[order[k]];
      std::int64_t& offset = offsets[order[k]];
      for (std::size_t again = 0; again < k; ++again)  // past whoever is met, until nobody is
        for (std::size_t before = 0; before < k; ++before) {
          const Buffer& other = buffers[order[before]];
          const std::int64_t start = offsets[order[before]];
          if (b.lower < other.upper && other.lower < b.upper && offset < start + other.size &&
              start < offset + b.size)
            offset = start + other.size;
        }
      height = std::max(height, offset + b.size);
    }
    least = std::min(least, height);
  } while (std::next_permutation(order.begin(), order.end()));
  return least;
}

void expect_right(const std::vector<Buffer>& buffers, const Assignment& plan) {
  EXPECT_EQ(fault_of(buffers, plan.offsets), "");
  std::int64_t height = 0;
  for (std::size_t i = 0; i < buffers.size(); ++i)
    height = std::max(height, plan.offsets[i] + buffers[i].size);
  EXPECT_EQ(plan.height, height);
  EXPECT_GE(plan.height, plan.lower_bound);
}

TEST(Offsets, SmallProblemsEqualExhaustiveSearch) {
  for (std::uint64_t seed = 1; seed <= 150; ++seed) {
    std::mt19937_64 random(seed);
    const auto buffers =
        tests::random_buffers(random, 2 + seed % 6, 6, 1 + static_cast<std::int64_t>(seed % 9));
    const Assignment plan = assign_offsets(buffers, exact());
    expect_right(buffers, plan);
    EXPECT_TRUE(plan.proved()) << "seed " << seed;
    EXPECT_EQ(plan.height, least_height(buffers)) << "seed " << seed;
  }
}

// Where sizes of the load cannot be stacked: the bound has to rise.
TEST(Offsets, HeightsAboveTheLoadAreProved) {
  const std::vector<std::vector<Buffer>> problems{
      {{0, 4, 1}, {5, 6, 6}, {2, 3, 2}, {2, 5, 4}, {3, 6, 1}, {4, 5, 2}, {0, 2, 6}, {3, 4, 1}},
      {{1, 3, 2}, {1, 5, 4}, {3, 4, 1}, {3, 6, 1}, {4, 5, 2}, {0, 1, 6}, {0, 4, 1}, {5, 6, 6}}};
  for (const std::vector<Buffer>& buffers : problems) {
    ASSERT_EQ(load_of(buffers), 7);
    ASSERT_EQ(least_height(buffers), 8);
    const Assignment plan = assign_offsets(buffers, exact());
    expect_right(buffers, plan);
    EXPECT_EQ(plan.height, 8);
    EXPECT_EQ(plan.lower_bound, 8);
    OffsetOptions options = exact();
    options.capacity = 7;
    EXPECT_EQ(assign_offsets(buffers, options).lower_bound, 8);
  }
}

TEST(Offsets, FullPackingsAreFoundAndProved) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    std::mt19937_64 random(seed);
    const auto buffers = tests::full_packing(random, 40, 1000, 10 + seed);
    const Assignment plan = assign_offsets(buffers, exact());
    expect_right(buffers, plan);
    EXPECT_TRUE(plan.proved()) << "seed " << seed;
    EXPECT_EQ(plan.height, 1000) << "seed " << seed;
  }
}

TEST(Offsets, ACapacityIsEnoughOrNever) {
  std::mt19937_64 random(5);
  const auto buffers = tests::full_packing(random, 40, 1000, 30);
  OffsetOptions options = exact();
  options.capacity = 1000;
  const Assignment fits = assign_offsets(buffers, options);
  expect_right(buffers, fits);
  EXPECT_LE(fits.height, 1000);
  options.capacity = 999;
  const Assignment never = assign_offsets(buffers, options);
  expect_right(buffers, never);
  EXPECT_GT(never.lower_bound, 999);
}

TEST(Offsets, LargeRandomProblems) {
  for (const OffsetGear gear : {OffsetGear::kFast, OffsetGear::kExact})
    for (std::uint64_t seed = 1; seed <= 4; ++seed) {
      std::mt19937_64 random(seed);
      const auto buffers = tests::random_buffers(random, 200 * seed, 500, 1000);
      OffsetOptions options = exact(2000);
      options.gear = gear;
      const Assignment plan = assign_offsets(buffers, options);
      expect_right(buffers, plan);
      EXPECT_GE(plan.lower_bound, load_of(buffers));
      EXPECT_EQ(plan.offsets, assign_offsets(buffers, options).offsets) << "seed " << seed;
    }
}

TEST(Offsets, TrainingPlansOfAHundredThousandBuffers) {
  std::mt19937_64 random(1);
  const auto buffers = tests::training_plan(random, 245, 200);
  ASSERT_GT(buffers.size(), 98'000U);
  const Assignment plan = assign_offsets(buffers, exact(1000));
  expect_right(buffers, plan);
  EXPECT_LE(plan.gap_percent(), 0.5);
}

TEST(Offsets, ManyRandomBuffers) {
  std::mt19937_64 random(1);
  const auto buffers = tests::random_buffers(random, 10'000, 1 << 20, 1 << 20);
  const Assignment plan = assign_offsets(buffers);
  expect_right(buffers, plan);
  EXPECT_LE(plan.gap_percent(), 1);
  OffsetOptions options;
  options.stop = [](const AssignmentProgress&) { return true; };  // in the midst of the first order
  const Assignment stopped = assign_offsets(buffers, options);
  expect_right(buffers, stopped);
  EXPECT_GT(stopped.height, plan.height);
}

TEST(Offsets, Shapes) {
  EXPECT_EQ(assign_offsets({}).height, 0);
  EXPECT_TRUE(assign_offsets({}).proved());
  EXPECT_EQ(assign_offsets({{3, 4, 7}}).height, 7);
  const std::vector<Buffer> together(50, Buffer{-5, 5, 3});
  EXPECT_EQ(assign_offsets(together).height, 150);
  expect_right(together, assign_offsets(together));
  const std::vector<Buffer> touching{{0, 5, 10}, {5, 9, 10}, {9, 10, 10}};
  EXPECT_EQ(assign_offsets(touching).height, 10);
  constexpr std::int64_t kLarge = std::int64_t{1} << 61;
  constexpr std::int64_t kFirst = std::numeric_limits<std::int64_t>::min();
  constexpr std::int64_t kLast = std::numeric_limits<std::int64_t>::max();
  const std::vector<Buffer> large{{kFirst, 0, kLarge}, {-1, kLast, kLarge}, {0, kLast, kLarge}};
  for (const OffsetGear gear : {OffsetGear::kFast, OffsetGear::kExact}) {
    OffsetOptions options = exact();
    options.gear = gear;
    expect_right(large, assign_offsets(large, options));
    EXPECT_EQ(assign_offsets(large, options).height, 2 * kLarge);
  }
}

TEST(Offsets, WhatIsNoBufferIsRefused) {
  EXPECT_THROW(assign_offsets({{0, 1, 0}}), std::invalid_argument);
  EXPECT_THROW(assign_offsets({{0, 1, -1}}), std::invalid_argument);
  EXPECT_THROW(assign_offsets({{1, 1, 1}}), std::invalid_argument);
  constexpr std::int64_t kHalf = std::int64_t{1} << 62;
  EXPECT_THROW(assign_offsets({{0, 1, kHalf}, {1, 2, kHalf}}), std::length_error);
}

TEST(Offsets, AStopLeavesAPlan) {
  std::mt19937_64 random(3);
  const auto buffers = tests::random_buffers(random, 300, 100, 1000);
  OffsetOptions options = exact(1'000'000'000);
  int asked = 0;
  options.stop = [&](const AssignmentProgress&) { return ++asked > 20; };
  const Assignment plan = assign_offsets(buffers, options);
  expect_right(buffers, plan);
  EXPECT_LE(plan.nodes, 64 * 21);
}

}  // namespace
}  // namespace anzan::compiler::offsets_test
