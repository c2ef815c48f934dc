// Crops and flips against whole padded images, and how often each is drawn.
#include "sim/data/augmentation.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <random>
#include <tuple>

namespace anzan::sim::augmentation_test {
namespace {

ImageSet numbered(const compiler::Shape& shape, std::int64_t count) {
  std::mt19937 random(9);
  ImageSet set;
  set.count = count;
  set.size = shape.size();
  for (std::int64_t i = 0; i < count * set.size; ++i)
    set.images.push_back(static_cast<std::uint8_t>(1 + random() % 255));
  for (std::int64_t i = 0; i < count; ++i) set.labels.push_back(static_cast<std::int32_t>(1000 + i));
  return set;
}

// With labels for each pixel of a map.
ImageSet mapped(const compiler::Shape& shape, const compiler::Shape& map, std::int64_t count) {
  ImageSet set = numbered(shape, count);
  set.labels_an_image = map.size();
  set.labels.resize(static_cast<std::size_t>(set.label_count()));
  std::iota(set.labels.begin(), set.labels.end(), 0);
  return set;
}

// As the textbooks do it: the padded image is made, cut, and turned round pixel by pixel.
template <class Sample>
std::vector<Sample> textbook(const Sample* image, const compiler::Shape& shape, std::int64_t pad,
                             const Crop& crop, Sample frame = 0) {
  const std::int64_t height = shape.height + 2 * pad, width = shape.width + 2 * pad;
  std::vector<Sample> result;
  for (std::int64_t c = 0; c < shape.channels; ++c) {
    std::vector<Sample> padded(static_cast<std::size_t>(height * width), frame);
    for (std::int64_t y = 0; y < shape.height; ++y)
      for (std::int64_t x = 0; x < shape.width; ++x)
        padded[static_cast<std::size_t>((y + pad) * width + x + pad)] =
            image[(c * shape.height + y) * shape.width + x];
    for (std::int64_t y = 0; y < shape.height; ++y)
      for (std::int64_t x = 0; x < shape.width; ++x) {
        const std::int64_t from = crop.flipped ? shape.width - 1 - x : x;
        result.push_back(padded[static_cast<std::size_t>((y + crop.top) * width + from + crop.left)]);
      }
  }
  return result;
}

TEST(Augmentation, IsTheTextbooks) {
  for (const compiler::Shape shape : {compiler::Shape{1, 8, 8}, compiler::Shape{3, 5, 7},
                                      compiler::Shape{2, 9, 2}, compiler::Shape{1, 1, 1}}) {
    const ImageSet set = numbered(shape, 20);
    for (const bool flip : {false, true}) {
      for (std::int64_t pad = 0; pad < std::min(shape.height, shape.width); ++pad) {
        const Augmentation augmentation{pad, flip};
        Augmenter augmenter(augmentation, shape, {1, 1, 1}, 7);
        std::vector<std::int64_t> images;
        for (std::int64_t i = 0; i < 60; ++i) images.push_back(i * 7 % 20);
        const ImageSet& batch = augmenter.batch(set, images, 1000);
        ASSERT_EQ(batch.count, 60);
        ASSERT_EQ(batch.size, shape.size());
        for (std::size_t n = 0; n < images.size(); ++n) {
          const auto number = static_cast<std::int64_t>(n);
          const Crop crop = crop_of(augmentation, 7, 1000 + number);
          ASSERT_THAT(textbook(set.image(images[n]), shape, pad, crop),
                      ::testing::ElementsAreArray(batch.image(number), static_cast<std::size_t>(batch.size)))
              << pad << flip << ' ' << n;
          ASSERT_EQ(batch.label(number), set.label(images[n]));
        }
      }
    }
  }
}

// Each pixel keeps its label; what comes out of the frame has none.
TEST(Augmentation, MovesMapsOfLabelsWithTheirImages) {
  const compiler::Shape shape{2, 5, 7};
  for (const compiler::Shape map : {compiler::Shape{4, 5, 7}, compiler::Shape{4, 3, 4}}) {
    const ImageSet set = mapped(shape, {1, map.height, map.width}, 20);
    for (const std::int64_t pad : {0, 1, 3}) {
      if (pad > 0 && map.height != shape.height) continue;  // refused by the configuration
      const Augmentation augmentation{pad, true};
      Augmenter augmenter(augmentation, shape, map, 7);
      std::vector<std::int64_t> images(40);
      for (std::size_t i = 0; i < images.size(); ++i) images[i] = static_cast<std::int64_t>(i * 3 % 20);
      const ImageSet& batch = augmenter.batch(set, images, 60);
      ASSERT_EQ(batch.labels_an_image, set.labels_an_image);
      for (std::size_t n = 0; n < images.size(); ++n) {
        const Crop crop = crop_of(augmentation, 7, 60 + static_cast<std::int64_t>(n));
        const auto labels = static_cast<std::size_t>(set.labels_an_image);
        const std::int32_t* from = set.labels.data() + images[n] * set.labels_an_image;
        ASSERT_THAT(textbook<std::int32_t>(from, {1, map.height, map.width}, pad, crop, -1),
                    ::testing::ElementsAreArray(batch.labels.data() + n * labels, labels))
            << pad << ' ' << n;
      }
    }
  }
}

// Chi squared of so many equally likely cells, which must all be met: its mean is cells - 1, its variance
// twice that.
template <class Cells>
void expect_uniform(const Cells& cells, std::size_t expected_cells, double draws) {
  ASSERT_EQ(cells.size(), expected_cells);
  const double mean = draws / static_cast<double>(expected_cells);
  double chi = 0;
  for (const auto& [cell, count] : cells) chi += (count - mean) * (count - mean) / mean;
  const double degrees = static_cast<double>(expected_cells) - 1;
  EXPECT_NEAR(chi, degrees, 5 * std::sqrt(2 * degrees));
}

TEST(Augmentation, DrawsEachPlaceAndFlipEquallyOften) {
  constexpr int kDraws = 100000;
  for (const std::uint32_t seed : {1U, 2U}) {
    std::map<std::tuple<std::int64_t, std::int64_t, bool>, int> crops;
    std::map<std::tuple<std::int64_t, bool, std::int64_t, bool>, int> neighbours;
    for (std::int64_t position = 0; position < kDraws; ++position) {
      const Crop crop = crop_of({2, true}, seed, position), next = crop_of({2, true}, seed, position + 1);
      ++crops[{crop.top, crop.left, crop.flipped}];
      ++neighbours[{crop.top, crop.flipped, next.left, next.flipped}];
    }
    expect_uniform(crops, 5 * 5 * 2, kDraws);
    expect_uniform(neighbours, 5 * 2 * 5 * 2, kDraws);
  }
}

TEST(Augmentation, WithoutPaddingOrFlipDrawsNone) {
  for (std::int64_t position = 0; position < 1000; ++position) {
    EXPECT_FALSE(crop_of({4, false}, 1, position).flipped);
    EXPECT_EQ(crop_of({0, true}, 1, position).top, 0);
    EXPECT_EQ(crop_of({0, true}, 1, position).left, 0);
  }
}

// However the positions are divided into batches.
TEST(Augmentation, DependsOnThePositionAlone) {
  const compiler::Shape shape{3, 6, 6};
  const ImageSet set = numbered(shape, 24);
  Augmenter whole({2, true}, shape, {1, 1, 1}, 3), parts({2, true}, shape, {1, 1, 1}, 3);
  std::vector<std::int64_t> images(24);
  std::iota(images.begin(), images.end(), 0);
  const std::vector<std::uint8_t> expected = whole.batch(set, images, 480).images;
  std::vector<std::uint8_t> found(expected.size());
  for (const std::size_t first : {16U, 4U, 0U, 20U, 8U, 12U}) {  // in any order
    const std::vector<std::int64_t> some(images.begin() + static_cast<std::ptrdiff_t>(first),
                                         images.begin() + static_cast<std::ptrdiff_t>(first + 4));
    const ImageSet& batch = parts.batch(set, some, 480 + static_cast<std::int64_t>(first));
    std::copy(batch.images.begin(), batch.images.end(),
              found.begin() + static_cast<std::ptrdiff_t>(first) * shape.size());
  }
  EXPECT_EQ(found, expected);
}

}  // namespace
}  // namespace anzan::sim::augmentation_test
