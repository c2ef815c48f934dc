// Synthetic images: the same everywhere, and such that their classes can be told.
#include "sim/data/synthetic.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <utility>
#include <vector>

#include "sim/host/sha256.hpp"

namespace anzan::sim::synthetic_test {
namespace {

TEST(Synthetic, IsTheSameOnEveryMachine) {
  const SyntheticSet set{{3, 9, 11}, {7, 1, 1}, 5};
  const std::vector<std::uint8_t> images = set.images(SyntheticHalf::kTrain, 50);
  // of the same formula, written down in Python
  EXPECT_EQ(Sha256::of(images.data(), images.size()),
            "64b1796597d3ad4853295f334fe80cd7bda41d5e5a7e4b2203fcbc908318e99e");
}

TEST(Synthetic, FirstImagesDoNotDependOnHowManyThereAre) {
  const SyntheticSet set{{2, 5, 4}, {3, 1, 1}, 1};
  const std::vector<std::uint8_t> all = set.images(SyntheticHalf::kTest, 30),
                                  few = set.images(SyntheticHalf::kTest, 10);
  EXPECT_TRUE(std::equal(few.begin(), few.end(), all.begin()));
}

TEST(Synthetic, SeedsAndHalvesDiffer) {
  const SyntheticSet set{{1, 8, 8}, {4, 1, 1}, 1}, other{{1, 8, 8}, {4, 1, 1}, 2};
  EXPECT_NE(set.images(SyntheticHalf::kTrain, 4), set.images(SyntheticHalf::kTest, 4));
  EXPECT_NE(set.images(SyntheticHalf::kTrain, 4), other.images(SyntheticHalf::kTrain, 4));
}

// The class whose mean training image is nearest is that of the test image.
TEST(Synthetic, ClassesCanBeLearnt) {
  for (const compiler::Shape shape : {compiler::Shape{1, 8, 8}, compiler::Shape{3, 32, 32},
                                      compiler::Shape{100, 1, 1}, compiler::Shape{1, 3, 50}}) {
    constexpr std::int64_t kClasses = 10, kTrain = 400, kTest = 100;
    const SyntheticSet set{shape, {kClasses, 1, 1}, 1};
    const auto train = set.images(SyntheticHalf::kTrain, kTrain),
               test = set.images(SyntheticHalf::kTest, kTest);
    const std::int64_t size = shape.size();
    const auto class_of = [&](std::int64_t image) { return image % kClasses; };
    EXPECT_EQ(set.labels(SyntheticHalf::kTest, kTest).at(13), class_of(13));
    std::vector<double> mean(static_cast<std::size_t>(kClasses * size));
    for (std::int64_t i = 0; i < kTrain * size; ++i)
      mean[static_cast<std::size_t>(class_of(i / size) * size + i % size)] +=
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
      right += best == class_of(n);
    }
    EXPECT_GE(right, 95) << shape.channels << 'x' << shape.height << 'x' << shape.width;
    EXPECT_LE(*std::max_element(train.begin(), train.end()), 254);
    EXPECT_GE(*std::max_element(train.begin(), train.end()), 200);
  }
}

TEST(Synthetic, LargeImagesAreFewer) {
  const auto usual = [](const compiler::Shape& shape, SyntheticHalf half,
                        compiler::Shape logits = {2, 1, 1}) {
    return usual_synthetic_count({shape, logits}, half);
  };
  EXPECT_EQ(usual({3, 224, 224}, SyntheticHalf::kTrain), 1024);
  EXPECT_EQ(usual({3, 224, 224}, SyntheticHalf::kTest), 256);
  EXPECT_EQ(usual({3, 1024, 1024}, SyntheticHalf::kTrain), 85);
  EXPECT_EQ(usual({3, 1024, 1024}, SyntheticHalf::kTrain, {2, 1024, 1024}), 64);  // labels take four bytes
  EXPECT_EQ(usual({1, 32768, 65535}, SyntheticHalf::kTrain), 1);
}

TEST(Synthetic, MapsAreTheSameOnEveryMachine) {
  const SyntheticSet set{{3, 9, 11}, {7, 5, 11}, 5};
  const std::vector<std::uint8_t> images = set.images(SyntheticHalf::kTest, 50);
  const std::vector<std::int32_t> labels = set.labels(SyntheticHalf::kTest, 50);
  // of the same formula, written down in Python
  EXPECT_EQ(Sha256::of(images.data(), images.size()),
            "81a44515b53e493be5f8f7da5a075f4cdc4dc0c2b350d836389afca821c0e52e");
  EXPECT_EQ(Sha256::of(labels.data(), 4 * labels.size()),
            "fe561d211b27e7daa3815615f8afd8bb9b7b74e1643ac878601694c2cd1d0200");
}

// The class whose mean colour is nearest to that of a region is the region's.
TEST(Synthetic, MapsCanBeLearnt) {
  constexpr std::int64_t kClasses = 6, kImages = 60, kSide = 32, kRegion = kSide / 4;
  const SyntheticSet set{{3, kSide, kSide}, {kClasses, kSide, kSide}, 1};
  const auto colours = [&](SyntheticHalf half) {  // of each region of each image, by class
    const auto images = set.images(half, kImages);
    const auto labels = set.labels(half, kImages);
    std::vector<std::pair<std::int32_t, std::array<double, 3>>> found;
    for (std::int64_t r = 0; r < kImages * 16; ++r) {
      const std::int64_t image = r / 16, top = r / 4 % 4 * kRegion, left = r % 4 * kRegion;
      std::array<double, 3> sums{};
      for (std::int64_t p = 0; p < kRegion * kRegion; ++p) {
        const std::int64_t at = (top + p / kRegion) * kSide + left + p % kRegion;
        EXPECT_EQ(labels[static_cast<std::size_t>(image * kSide * kSide + at)],
                  labels[static_cast<std::size_t>(image * kSide * kSide + top * kSide + left)]);
        for (std::int64_t c = 0; c < 3; ++c)
          sums[static_cast<std::size_t>(c)] +=
              images[static_cast<std::size_t>((image * 3 + c) * kSide * kSide + at)] /
              double(kRegion * kRegion);
      }
      found.emplace_back(labels[static_cast<std::size_t>(image * kSide * kSide + top * kSide + left)], sums);
    }
    return found;
  };
  std::map<std::int32_t, std::array<double, 4>> means;
  for (const auto& [label, colour] : colours(SyntheticHalf::kTrain)) {
    for (std::size_t c = 0; c < 3; ++c) means[label][c] += colour[c];
    means[label][3] += 1;
  }
  EXPECT_EQ(means.size(), std::size_t{kClasses});
  int right = 0;
  for (const auto& [label, colour] : colours(SyntheticHalf::kTest)) {
    const auto distance = [&colour = colour](const std::array<double, 4>& mean) {
      double sum = 0;
      for (std::size_t c = 0; c < 3; ++c) sum += std::pow(colour[c] - mean[c] / mean[3], 2);
      return sum;
    };
    const auto nearest = std::min_element(means.begin(), means.end(), [&](const auto& a, const auto& b) {
      return distance(a.second) < distance(b.second);
    });
    right += nearest->first == label;
  }
  EXPECT_GE(right, 0.95 * kImages * 16);
}

}  // namespace
}  // namespace anzan::sim::synthetic_test
