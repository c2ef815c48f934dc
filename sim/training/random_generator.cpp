// Draws that use integer arithmetic and IEEE operations only, besides log and sqrt in the Gaussian.
#include "sim/training/random_generator.hpp"

#include <cmath>
#include <limits>

namespace anzan::sim {

RandomGenerator::RandomGenerator(std::uint32_t seed, Purpose purpose, std::uint64_t number)
    : engine_(drawn_word(seed, purpose, number)) {}

std::uint64_t RandomGenerator::below(std::uint64_t bound) {
  const std::uint64_t reject = (std::numeric_limits<std::uint64_t>::max() % bound + 1) % bound;
  std::uint64_t draw = engine_();
  while (draw > std::numeric_limits<std::uint64_t>::max() - reject) draw = engine_();
  return draw % bound;
}

double RandomGenerator::uniform() { return static_cast<double>(engine_() >> 11) * 0x1p-53; }

double RandomGenerator::gaussian() {
  // log and sqrt: the double results of glibc, rounded to FP32 by the caller, are what is reproducible.
  for (;;) {
    const double x = 2 * uniform() - 1, y = 2 * uniform() - 1;
    const double r = x * x + y * y;
    if (r > 0 && r < 1) return x * std::sqrt(-2 * std::log(r) / r);
  }
}

}  // namespace anzan::sim
