// One permutation at a time is held; another is made when a position of its epoch is asked for.
#include "sim/training/epoch_order.hpp"

#include <numeric>
#include <utility>

#include "sim/training/random_generator.hpp"

namespace anzan::sim {

EpochOrder::EpochOrder(std::int64_t images, std::uint32_t seed, bool shuffle)
    : images_(images), seed_(seed), shuffle_(shuffle), order_(static_cast<std::size_t>(images)) {}

std::int64_t EpochOrder::image(std::int64_t position) {
  if (position / images_ != epoch_) load(position / images_);
  return order_[static_cast<std::size_t>(position % images_)];
}

void EpochOrder::load(std::int64_t epoch) {
  if (shuffle_ || epoch_ < 0) std::iota(order_.begin(), order_.end(), 0U);
  epoch_ = epoch;
  if (!shuffle_) return;
  // Fisher-Yates.
  RandomGenerator random(seed_, RandomGenerator::Purpose::kOrder, static_cast<std::uint64_t>(epoch));
  for (std::size_t i = order_.size(); i > 1; --i) {
    std::swap(order_[i - 1], order_[static_cast<std::size_t>(random.below(i))]);
  }
}

}  // namespace anzan::sim
