// Constants and single values that all kernels share. Included inside the namespace of a kernel set.

constexpr std::uint32_t kNan = 0x7fc00000U;  // what every arithmetic operation makes of a NaN
constexpr int kBlockRows = 32;               // rows of the vector unit that are worked on at once

inline std::uint32_t bits_of(float v) {
  std::uint32_t bits;
  __builtin_memcpy(&bits, &v, 4);
  return bits;
}
inline float float_of(std::uint32_t bits) {
  float v;
  __builtin_memcpy(&v, &bits, 4);
  return v;
}
inline float canonical(float v) { return v == v ? v : float_of(kNan); }

inline std::uint32_t mixed(std::uint32_t x) {
  x ^= x >> 16;
  x *= 0x7feb352dU;
  x ^= x >> 15;
  x *= 0x846ca68bU;
  return x ^ (x >> 16);
}

constexpr int element_shift(isa::Format f) {  // log2 of the elements in a word
  return f == isa::Format::kInt8 ? 2 : f == isa::Format::kInt16 ? 1 : 0;
}
template <int L>
inline std::int64_t byte_of_row(isa::Format f, std::int64_t row) {
  const int shift = element_shift(f);
  return (row >> shift) * (4 * L) + ((row & ((1 << shift) - 1)) << (2 - shift));
}

// What quantising accumulators at `point` is for one instruction: n = (magnitude + addend) >> shift,
// saturated.
struct Rounder {
  isa::Rounding rounding;
  int shift = 0, left = 0, drop = 0;  // right shift; or left shift; bits dropped before the shift
  std::uint64_t nearest = 0;          // half − 1
  std::int32_t low = 0, high = 0;

  Rounder(const Output& out, int point) : rounding(out.rounding) {
    const int distance = point - out.q;
    constexpr int kMost = 62;
    shift = distance < 1 ? 0 : distance > kMost ? kMost : distance;
    left = distance < 0 ? (distance < -40 ? 40 : -distance) : 0;
    drop = distance > kMost ? (distance - kMost > 63 ? 63 : distance - kMost) : 0;
    nearest = shift == 0 ? 0 : (std::uint64_t{1} << (shift - 1)) - 1;
    high = (1 << (out.width - 1)) - 1;
    low = -high - 1;
  }
  // `random` is the upper 24 bits of the random word. Word is unsigned, and wide enough for magnitude and
  // addend.
  template <isa::Rounding R, class Word>
  Word rounded(Word magnitude, Word random) const {
    if (R == isa::Rounding::kNearestEven)
      magnitude += static_cast<Word>(nearest) + ((magnitude >> shift) & 1);
    if (R == isa::Rounding::kStochastic)
      magnitude += shift >= 24 ? random << (shift - 24) : random >> (24 - shift);
    return magnitude >> shift;
  }
};
