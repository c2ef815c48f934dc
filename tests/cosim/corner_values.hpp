// Seeded streams of FP32 words and integers in which corner cases are as frequent as ordinary values.
#pragma once
#include <cstdint>
#include <random>
#include <vector>

namespace anzan::cosim {

struct Triple {
  std::uint32_t a, b, c;
};

class CornerValues {
 public:
  explicit CornerValues(std::uint64_t seed) : bits_(seed) {}

  std::uint64_t word() { return bits_(); }
  // In [low, high].
  int between(int low, int high) {
    return low + static_cast<int>(bits_() % static_cast<std::uint64_t>(high - low + 1));
  }
  bool one_in(int n) { return between(1, n) == 1; }

  // Any FP32 word.
  std::uint32_t fp32();
  // Of given exponent.
  std::uint32_t fp32(int exponent);
  // Operands of a fused multiply-add: unrelated; or with c near the product, near minus the product, or with
  // a product near the subnormals or near infinity.
  Triple triple();
  // Signed integers of any magnitude below 2^(bits - 1), dense in runs of ones and zeros, and in halves.
  std::int64_t integer(int bits);

 private:
  std::mt19937_64 bits_;
};

// Zeros, subnormals, powers of two and their neighbours, the largest numbers, infinities, NaNs; both signs.
std::vector<std::uint32_t> special_fp32();

}  // namespace anzan::cosim
