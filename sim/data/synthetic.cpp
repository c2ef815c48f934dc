// Eight samples of noise from each word.
#include "sim/data/synthetic.hpp"

#include <algorithm>
#include <array>

#include "sim/host/scramble.hpp"

namespace anzan::sim {
namespace {

constexpr std::int64_t kFields = 8;  // along each axis of a pattern
constexpr std::int64_t kMostSamples = std::int64_t{1} << 34, kUsualSamples = std::int64_t{1} << 28;
// Numbers of words: those of patterns; below are those of the noise of either half.
constexpr std::uint64_t kPatterns = std::uint64_t{3} << 62;

std::uint64_t noise_of(SyntheticHalf half, std::int64_t image) {
  return (std::uint64_t{static_cast<std::uint32_t>(half)} << 62) | static_cast<std::uint64_t>(image);
}

// Pattern of a class in one row of pixels of a channel.
std::array<std::uint8_t, kFields> pattern_row(const SyntheticSet& set, std::int64_t of_class,
                                              std::int64_t channel, std::int64_t y) {
  const std::int64_t number =
      (of_class * set.shape.channels + channel) * kFields + y * kFields / set.shape.height;
  const std::uint64_t word =
      drawn_word(set.seed, RandomPurpose::kSamples, kPatterns | static_cast<std::uint64_t>(number));
  std::array<std::uint8_t, kFields> fields{};
  for (std::size_t f = 0; f < fields.size(); ++f) fields[f] = (word >> (8 * f)) & 0x7f;
  return fields;
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
        const auto fields = pattern_row(*this, class_of(image), c, y);
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

std::int64_t usual_synthetic_count(const compiler::Shape& shape, SyntheticHalf half) {
  return std::clamp<std::int64_t>(kUsualSamples / shape.size(), 1,
                                  half == SyntheticHalf::kTrain ? 1024 : 256);
}

std::int64_t most_synthetic_images(const compiler::Shape& shape) { return kMostSamples / shape.size(); }

}  // namespace anzan::sim
