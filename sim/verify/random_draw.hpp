// What random programs are drawn with: one seeded generator, the same numbers on every machine.
#pragma once
#include <cstdint>
#include <random>
#include <stdexcept>

namespace anzan::sim {

class Draw {
 public:
  explicit Draw(std::uint64_t seed) : random_(seed) {}
  std::int64_t between(std::int64_t low, std::int64_t high) {
    if (high < low) throw std::logic_error("a draw from an empty range");
    return low + static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(high - low + 1));
  }
  bool chance(int percent) { return between(0, 99) < percent; }
  std::uint32_t bits() { return static_cast<std::uint32_t>(random_()); }
  std::uint8_t small(std::int64_t low, std::int64_t high) {
    return static_cast<std::uint8_t>(between(low, high));
  }

 private:
  std::mt19937_64 random_;
};

}  // namespace anzan::sim
