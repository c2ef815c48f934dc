// The order of images: a permutation in each epoch, and the same from wherever it is entered.
#include "sim/training/epoch_order.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

namespace anzan::sim::epoch_order_test {
namespace {

std::vector<std::int64_t> epoch(EpochOrder& order, std::int64_t number, std::int64_t images) {
  std::vector<std::int64_t> result;
  for (std::int64_t i = 0; i < images; ++i) result.push_back(order.image(number * images + i));
  return result;
}

TEST(EpochOrder, EachEpochIsAPermutationOfItsOwn) {
  for (const std::int64_t images : {1, 2, 7, 1000}) {
    EpochOrder order(images, 1, true);
    std::vector<std::int64_t> all(static_cast<std::size_t>(images));
    std::iota(all.begin(), all.end(), 0);
    auto first = epoch(order, 0, images), second = epoch(order, 1, images);
    if (images == 1000) {
      EXPECT_NE(first, second);
      EXPECT_NE(first, all);
    }
    std::sort(first.begin(), first.end());
    std::sort(second.begin(), second.end());
    EXPECT_EQ(first, all);
    EXPECT_EQ(second, all);
  }
}

TEST(EpochOrder, CanBeEnteredAnywhere) {
  EpochOrder whole(100, 9, true);
  std::vector<std::int64_t> images;
  for (std::int64_t i = 0; i < 1000; ++i) images.push_back(whole.image(i));
  for (const std::int64_t start : {0, 1, 99, 100, 101, 550, 999}) {
    EpochOrder late(100, 9, true);
    for (std::int64_t i = start; i < 1000; ++i)
      ASSERT_EQ(late.image(i), images[static_cast<std::size_t>(i)]) << start << " " << i;
  }
  EpochOrder back(100, 9, true);
  back.image(950);
  EXPECT_EQ(back.image(3), images[3]);
}

TEST(EpochOrder, DependsOnTheSeed) {
  EpochOrder a(100, 1, true), b(100, 2, true);
  EXPECT_NE(epoch(a, 0, 100), epoch(b, 0, 100));
}

TEST(EpochOrder, WithoutShufflingKeepsTheFile) {
  EpochOrder order(10, 1, false);
  for (std::int64_t i = 0; i < 35; ++i) EXPECT_EQ(order.image(i), i % 10);
}

// Over 1,200 seeds and 6 images every image comes first about equally often.
TEST(EpochOrder, IsFair) {
  std::vector<int> first(6);
  for (std::uint32_t seed = 0; seed < 1200; ++seed)
    ++first[static_cast<std::size_t>(EpochOrder(6, seed, true).image(0))];
  for (const int count : first) EXPECT_NEAR(count, 200, 60);
}

}  // namespace
}  // namespace anzan::sim::epoch_order_test
