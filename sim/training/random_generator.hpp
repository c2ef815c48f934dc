// Portable random numbers of the host: the same on every compiler and library, unlike the standard
// distributions. std::mt19937_64 itself is portable.
#pragma once
#include <cstdint>
#include <random>

#include "sim/host/scramble.hpp"

namespace anzan::sim {

class RandomGenerator {
 public:
  using Purpose = RandomPurpose;
  // One stream for each (seed, purpose, number): e.g. the order of one epoch.
  RandomGenerator(std::uint32_t seed, Purpose purpose, std::uint64_t number);

  std::uint64_t below(std::uint64_t bound);  // uniform in [0, bound), exactly; bound >= 1
  double uniform();                          // uniform in [0, 1), a multiple of 2^-53
  double gaussian();                         // mean 0, deviation 1 (Marsaglia's polar method)

 private:
  std::mt19937_64 engine_;
};

}  // namespace anzan::sim
