// Whole rows are copied, and then turned round.
#include "sim/data/augmentation.hpp"

#include <algorithm>

#include "sim/host/scramble.hpp"

namespace anzan::sim {
namespace {

// Uniform in [0, bound), but for 2^-32 of its share.
std::int64_t scaled(std::uint64_t word, std::int64_t bound) {
  return static_cast<std::int64_t>(((word >> 32) * static_cast<std::uint64_t>(bound)) >> 32);
}

}  // namespace

Crop crop_of(const Augmentation& augmentation, std::uint32_t seed, std::int64_t position) {
  const std::uint64_t key =
      drawn_word(seed, RandomPurpose::kAugmentation, static_cast<std::uint64_t>(position));
  const std::int64_t places = 2 * augmentation.pad + 1;
  return {scaled(scramble(key), places), scaled(scramble(key + 1), places),
          augmentation.flip && scaled(scramble(key + 2), 2) == 1};
}

template <class Sample>
void Augmenter::write(const Sample* from, const compiler::Shape& shape, const Crop& crop, Sample frame,
                      Sample* to) const {
  const std::int64_t height = shape.height, width = shape.width, down = crop.top - augmentation_.pad,
                     right = crop.left - augmentation_.pad;
  const std::int64_t first = std::max<std::int64_t>(0, -right), last = std::min(width, width - right);
  for (std::int64_t c = 0; c < shape.channels; ++c) {
    for (std::int64_t y = 0; y < height; ++y, to += width) {
      const std::int64_t row = y + down;
      if (row < 0 || row >= height) {
        std::fill(to, to + width, frame);
        continue;
      }
      const Sample* samples = from + (c * height + row) * width;
      std::fill(to, to + first, frame);
      std::copy(samples + first + right, samples + last + right, to + first);
      std::fill(to + last, to + width, frame);
      if (crop.flipped) std::reverse(to, to + width);
    }
  }
}

const ImageSet& Augmenter::batch(const ImageSet& set, const std::vector<std::int64_t>& images,
                                 std::int64_t first) {
  batch_.count = static_cast<std::int64_t>(images.size());
  batch_.size = set.size;
  batch_.images.resize(images.size() * static_cast<std::size_t>(set.size));
  batch_.labels_an_image = set.labels_an_image;
  batch_.labels.resize(images.size() * static_cast<std::size_t>(set.labels_an_image));
  for (std::size_t n = 0; n < images.size(); ++n) {
    const Crop crop = crop_of(augmentation_, seed_, first + static_cast<std::int64_t>(n));
    write(set.image(images[n]), shape_, crop, std::uint8_t{0},
          batch_.images.data() + n * static_cast<std::size_t>(set.size));
    const std::int32_t* labels = set.labels.data() + images[n] * set.labels_an_image;
    std::int32_t* to = batch_.labels.data() + n * static_cast<std::size_t>(set.labels_an_image);
    if (set.labels_an_image == 1) {
      *to = *labels;
    } else {
      write(labels, labels_, crop, std::int32_t{-1}, to);
    }
  }
  return batch_;
}

}  // namespace anzan::sim
