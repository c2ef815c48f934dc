// Training images as a step sees them: cropped out of a frame of zeros, and flipped; maps of labels go with
// their images, and the frame has no label. What is drawn is a
// function of the seed and of the image's position in the whole training, so that neither threads nor cores
// nor an interruption change it.
#pragma once
#include <cstdint>
#include <vector>

#include "compiler/input/layers.hpp"
#include "sim/data/dataset.hpp"

namespace anzan::sim {

struct Augmentation {
  std::int64_t pad = 0;  // raw samples of 0 on every side, before the image is cropped to its size again
  bool flip = false;     // left and right, of every second image
  bool none() const { return pad == 0 && !flip; }
};

// Of one image: where the crop begins in the padded image, 0 to 2 pad on either axis, each equally often.
struct Crop {
  std::int64_t top = 0, left = 0;
  bool flipped = false;
};
Crop crop_of(const Augmentation& augmentation, std::uint32_t seed, std::int64_t position);

class Augmenter {
 public:
  // `labels`: pixels of a map, as many as the images have if these are cropped, or one.
  Augmenter(const Augmentation& augmentation, const compiler::Shape& shape, const compiler::Shape& labels,
            std::uint32_t seed)
      : augmentation_(augmentation), shape_(shape), labels_{1, labels.height, labels.width}, seed_(seed) {}

  // The images at positions first, first + 1 ... of the training, as a set of their own that holds until the
  // next call; their numbers in it are 0, 1 ...
  const ImageSet& batch(const ImageSet& set, const std::vector<std::int64_t>& images, std::int64_t first);

 private:
  template <class Sample>
  void write(const Sample* from, const compiler::Shape& shape, const Crop& crop, Sample frame,
             Sample* to) const;

  Augmentation augmentation_;
  compiler::Shape shape_, labels_;
  std::uint32_t seed_;
  ImageSet batch_;
};

}  // namespace anzan::sim
