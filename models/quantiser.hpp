// From wide values (FP32, or an exact integer accumulator) to stored integers and back: the exact scalar
// functions that every faster path is held to. Correct for every input, subnormals and NaN included.
#pragma once
#include <cstdint>

#include "isa/isa_generated.hpp"

namespace anzan::models {

// Positions of what has none: larger and smaller than the position of any number.
inline constexpr int kPositionInfinity = 1 << 30;  // infinity and NaN
inline constexpr int kPositionZero = -(1 << 30);   // zero, which fits every width at every point

// p(v) of models/README.md: −2^(w−1) <= v·2^q < 2^(w−1) exactly when p(v) <= w − 2 − q.
int position(float v);
// The same for the value acc · 2^(−point).
int position(std::int64_t acc, int point);

struct Quantised {
  std::int32_t n = 0;
  bool saturated_high = false;  // the rounded value was above 2^(width−1) − 1
  bool saturated_low = false;   // the rounded value was below −2^(width−1)
  bool underflow = false;       // v ≠ 0 and n = 0

  bool operator==(const Quantised& o) const {
    return n == o.n && saturated_high == o.saturated_high && saturated_low == o.saturated_low &&
           underflow == o.underflow;
  }
};

// v to an integer of `width` bits (2 to 31) with binary point q. `random` is the element's random word,
// of which stochastic rounding uses the top 24 bits.
Quantised quantise(float v, int width, int q, isa::Rounding rounding, std::uint32_t random);
// The same for the value acc · 2^(−point).
Quantised quantise_accumulator(std::int64_t acc, int point, int width, int q, isa::Rounding rounding,
                               std::uint32_t random);

// n · 2^(−q) as FP32. Exact for |n| <= 2^24 while the result is in the range of FP32, which holds for every
// element at every point in the architecture's limits; beyond, rounded to nearest even.
float dequantise(std::int32_t n, int q);

// acc · 2^(−point): acc rounded to nearest even, then scaled. The scaling is exact for every point that
// two slots in the architecture's limits can give; beyond, it rounds to nearest even.
float accumulator_to_fp32(std::int64_t acc, int point);

inline constexpr std::int64_t kBiasLimit = std::int64_t{1} << 46;
// Round-to-nearest-even(bias · 2^point), clamped to ±kBiasLimit; NaN goes to the limit of its sign bit.
std::int64_t bias_to_accumulator(float bias, int point);

// max(v, +0) as hardware does it: v > 0 ? v : +0, so that −0 and NaN become +0.
constexpr float relu(float v) { return v > 0 ? v : 0.0F; }
constexpr std::int64_t relu(std::int64_t acc) { return acc > 0 ? acc : 0; }

}  // namespace anzan::models
