// Synthetic images: the same everywhere, and such that their classes can be told.
#include "sim/data/synthetic.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <limits>

#include "sim/host/sha256.hpp"

namespace anzan::sim {
namespace {

TEST(Synthetic, IsTheSameOnEveryMachine) {
  const SyntheticSet set{{3, 9, 11}, 7, 5};
  const std::vector<std::uint8_t> images = set.images(SyntheticHalf::kTrain, 50);
  // of the same formula, written down in Python
  EXPECT_EQ(Sha256::of(images.data(), images.size()),
            "64b1796597d3ad4853295f334fe80cd7bda41d5e5a7e4b2203fcbc908318e99e");
}

TEST(Synthetic, FirstImagesDoNotDependOnHowManyThereAre) {
  const SyntheticSet set{{2, 5, 4}, 3, 1};
  const std::vector<std::uint8_t> all = set.images(SyntheticHalf::kTest, 30),
                                  few = set.images(SyntheticHalf::kTest, 10);
  EXPECT_TRUE(std::equal(few.begin(), few.end(), all.begin()));
}

TEST(Synthetic, SeedsAndHalvesDiffer) {
  const SyntheticSet set{{1, 8, 8}, 4, 1}, other{{1, 8, 8}, 4, 2};
  EXPECT_NE(set.images(SyntheticHalf::kTrain, 4), set.images(SyntheticHalf::kTest, 4));
  EXPECT_NE(set.images(SyntheticHalf::kTrain, 4), other.images(SyntheticHalf::kTrain, 4));
}

// The class whose mean training image is nearest is that of the test image.
TEST(Synthetic, ClassesCanBeLearnt) {
  for (const compiler::Shape shape : {compiler::Shape{1, 8, 8}, compiler::Shape{3, 32, 32},
                                      compiler::Shape{100, 1, 1}, compiler::Shape{1, 3, 50}}) {
    constexpr std::int64_t kClasses = 10, kTrain = 400, kTest = 100;
    const SyntheticSet set{shape, kClasses, 1};
    const auto train = set.images(SyntheticHalf::kTrain, kTrain),
               test = set.images(SyntheticHalf::kTest, kTest);
    const std::int64_t size = shape.size();
    std::vector<double> mean(static_cast<std::size_t>(kClasses * size));
    for (std::int64_t i = 0; i < kTrain * size; ++i)
      mean[static_cast<std::size_t>(set.class_of(i / size) * size + i % size)] +=
          train[static_cast<std::size_t>(i)] / double(kTrain / kClasses);
    int right = 0;
    for (std::int64_t n = 0; n < kTest; ++n) {
      std::int64_t best = -1;
      double least = std::numeric_limits<double>::infinity();
      for (std::int64_t k = 0; k < kClasses; ++k) {
        double distance = 0;
        for (std::int64_t e = 0; e < size; ++e) {
          const double d =
              test[static_cast<std::size_t>(n * size + e)] - mean[static_cast<std::size_t>(k * size + e)];
          distance += d * d;
        }
        if (distance < least) best = k;
        least = std::min(least, distance);
      }
      right += best == set.class_of(n);
    }
    EXPECT_GE(right, 95) << shape.channels << 'x' << shape.height << 'x' << shape.width;
    EXPECT_LE(*std::max_element(train.begin(), train.end()), 254);
    EXPECT_GE(*std::max_element(train.begin(), train.end()), 200);
  }
}

TEST(Synthetic, LargeImagesAreFewer) {
  EXPECT_EQ(usual_synthetic_count({3, 224, 224}, SyntheticHalf::kTrain), 1024);
  EXPECT_EQ(usual_synthetic_count({3, 224, 224}, SyntheticHalf::kTest), 256);
  EXPECT_EQ(usual_synthetic_count({3, 1024, 1024}, SyntheticHalf::kTrain), 85);
  EXPECT_EQ(usual_synthetic_count({1, 32768, 65535}, SyntheticHalf::kTrain), 1);
}

}  // namespace
}  // namespace anzan::sim
