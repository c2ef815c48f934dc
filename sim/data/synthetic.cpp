// Eight samples of noise from each word.
#include "sim/data/synthetic.hpp"

#include <algorithm>
#include <array>

#include "sim/host/scramble.hpp"

namespace anzan::sim {
namespace {

constexpr std::int64_t kFields = 8;   // along each axis of a pattern
constexpr std::int64_t kRegions = 4;  // along each axis of an image whose labels are a map
constexpr std::int64_t kMostSamples = std::int64_t{1} << 34, kUsualSamples = std::int64_t{1} << 28;
// Numbers of words: those of patterns; of the classes of regions; below are those of the noise of either
// half.
constexpr std::uint64_t kPatterns = std::uint64_t{3} << 62, kRegionClasses = std::uint64_t{1} << 61;

std::uint64_t noise_of(SyntheticHalf half, std::int64_t image) {
  return (std::uint64_t{static_cast<std::uint32_t>(half)} << 62) | static_cast<std::uint64_t>(image);
}

// One row of a class's pattern in a channel.
std::array<std::uint8_t, kFields> pattern_row(const SyntheticSet& set, std::int64_t of_class,
                                              std::int64_t channel, std::int64_t row) {
  const std::int64_t number = (of_class * set.shape.channels + channel) * kFields + row;
  const std::uint64_t word =
      drawn_word(set.seed, RandomPurpose::kSamples, kPatterns | static_cast<std::uint64_t>(number));
  std::array<std::uint8_t, kFields> fields{};
  for (std::size_t f = 0; f < fields.size(); ++f) fields[f] = (word >> (8 * f)) & 0x7f;
  return fields;
}

// The class that a region of a row of regions shows.
std::int64_t region_class(const SyntheticSet& set, SyntheticHalf half, std::int64_t image, std::int64_t row,
                          std::int64_t column) {
  const std::uint64_t key =
      drawn_word(set.seed, RandomPurpose::kSamples, kRegionClasses | noise_of(half, image));
  const std::uint64_t word = scramble(key + static_cast<std::uint64_t>(row * kRegions + column));
  return static_cast<std::int64_t>((word >> 32) * static_cast<std::uint64_t>(set.logits.channels) >> 32);
}

// What an image has of its patterns in one row of pixels of a channel: along it, so many fields.
std::array<std::uint8_t, kFields> fields_of_row(const SyntheticSet& set, SyntheticHalf half,
                                                std::int64_t image, std::int64_t channel, std::int64_t y) {
  if (!set.maps())
    return pattern_row(set, image % set.logits.channels, channel, y * kFields / set.shape.height);
  std::array<std::uint8_t, kFields> fields{};
  for (std::size_t f = 0; f < fields.size(); ++f) {
    const std::int64_t shown = region_class(set, half, image, y * kRegions / set.shape.height,
                                            static_cast<std::int64_t>(f) * kRegions / kFields);
    fields[f] = pattern_row(set, shown, channel, 0)[0];
  }
  return fields;
}

// Bytes that an image takes, or those of its labels, whichever are more.
std::int64_t bytes_of(const SyntheticSet& set) {
  const auto label = static_cast<std::int64_t>(sizeof(std::int32_t));
  return std::max(set.shape.size(), set.maps() ? label * set.logits.height * set.logits.width : 1);
}

}  // namespace

std::vector<std::uint8_t> SyntheticSet::images(SyntheticHalf half, std::int64_t count) const {
  std::vector<std::uint8_t> samples(static_cast<std::size_t>(count * shape.size()));
  std::uint8_t* sample = samples.data();
  for (std::int64_t image = 0; image < count; ++image) {
    const std::uint64_t key = drawn_word(seed, RandomPurpose::kSamples, noise_of(half, image));
    std::uint64_t words = 0, noise = 0, left = 0;
    for (std::int64_t c = 0; c < shape.channels; ++c) {
      for (std::int64_t y = 0; y < shape.height; ++y) {
        const auto fields = fields_of_row(*this, half, image, c, y);
        for (std::int64_t x = 0; x < shape.width; ++x, --left, noise >>= 8) {
          if (left == 0) {
            noise = scramble(key + words++);
            left = 8;
          }
          *sample++ = static_cast<std::uint8_t>(fields[static_cast<std::size_t>(x * kFields / shape.width)] +
                                                (noise & 0x7f));
        }
      }
    }
  }
  return samples;
}

std::vector<std::int32_t> SyntheticSet::labels(SyntheticHalf half, std::int64_t count) const {
  std::vector<std::int32_t> labels;
  labels.reserve(static_cast<std::size_t>(count * logits.height * logits.width));
  for (std::int64_t image = 0; image < count; ++image) {
    for (std::int64_t y = 0; y < logits.height; ++y) {
      for (std::int64_t x = 0; x < logits.width; ++x) {
        const std::int64_t shown = maps() ? region_class(*this, half, image, y * kRegions / logits.height,
                                                         x * kRegions / logits.width)
                                          : image % logits.channels;
        labels.push_back(static_cast<std::int32_t>(shown));
      }
    }
  }
  return labels;
}

std::int64_t usual_synthetic_count(const SyntheticSet& set, SyntheticHalf half) {
  return std::clamp<std::int64_t>(kUsualSamples / bytes_of(set), 1,
                                  half == SyntheticHalf::kTrain ? 1024 : 256);
}

std::int64_t most_synthetic_images(const SyntheticSet& set) { return kMostSamples / bytes_of(set); }

}  // namespace anzan::sim
