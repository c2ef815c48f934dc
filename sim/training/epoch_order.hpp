// Which image a training step sees: a permutation of its own for each epoch, a function of the seed and
// the position alone, so that a run can go on at any step.
#pragma once
#include <cstdint>
#include <vector>

namespace anzan::sim {

class EpochOrder {
 public:
  // `images` >= 1. Without shuffling each epoch has the order of the file.
  EpochOrder(std::int64_t images, std::uint32_t seed, bool shuffle);

  // Number of the image at `position` (step · batch + place in the batch). Epochs follow each other
  // without a gap: a batch may hold the end of one and the start of the next. Fast for positions that
  // mostly ascend.
  std::int64_t image(std::int64_t position);

 private:
  void load(std::int64_t epoch);

  std::int64_t images_;
  std::uint32_t seed_;
  bool shuffle_;
  std::int64_t epoch_ = -1;
  std::vector<std::uint32_t> order_;
};

}  // namespace anzan::sim
