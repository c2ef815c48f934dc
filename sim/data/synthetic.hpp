// Images that nothing has to be brought for, and that can be learnt: each class has a pattern of eight by
// eight fields a channel, and each image is the pattern of its class under noise. Where labels are maps, each
// class has a colour, the first field of its pattern, and an image is four by four regions of colours under
// noise. A function of the seed, the image and the place in it, in integers: the same on every machine.
#pragma once
#include <cstdint>
#include <vector>

#include "compiler/input/layer_shapes.hpp"
#include "compiler/input/layers.hpp"

namespace anzan::sim {

enum class SyntheticHalf : std::uint32_t { kTrain = 0, kTest = 1 };

struct SyntheticSet {
  compiler::Shape shape;   // of an image
  compiler::Shape logits;  // their channels are the classes; of more than one pixel: labels are maps of these
  std::uint32_t seed = 1;

  bool maps() const { return logits.height * logits.width > 1; }
  // A sample of a class is its pattern, 0 to 127, plus noise, 0 to 127, each uniform. Image i shows class
  // i modulo their number; its regions, in maps, show a class each that is drawn.
  std::vector<std::uint8_t> images(SyntheticHalf half, std::int64_t count) const;
  std::vector<std::int32_t> labels(SyntheticHalf half, std::int64_t count) const;
};

// How many images are made where nobody says: 1,024 to train on and 256 to test on, fewer of large ones.
std::int64_t usual_synthetic_count(const SyntheticSet& set, SyntheticHalf half);
// No more fit into what one half of a data set may take.
std::int64_t most_synthetic_images(const SyntheticSet& set);

}  // namespace anzan::sim
