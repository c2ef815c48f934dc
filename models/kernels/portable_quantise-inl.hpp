// Quantising L lanes in plain loops, to integers before saturation that are cut beyond every width; `scale`
// is 2^q for FP32. Included inside the namespace of a kernel set.

template <isa::Rounding R, int L>
inline void quantise(const Rounder& rounder, float, const std::int64_t* v, const std::uint32_t* random,
                     std::int32_t* n) {
  constexpr std::uint64_t kCut = std::uint64_t{1} << 30;
  for (int j = 0; j < L; ++j) {
    const auto sign = static_cast<std::uint64_t>(v[j] >> 63);
    std::uint64_t m = (static_cast<std::uint64_t>(v[j]) ^ sign) - sign;
    if (rounder.left > 0)
      m = (m < (1U << 20) ? m : (1U << 20)) << rounder.left;
    else if (rounder.shift > 0)
      m = rounder.rounded<R, std::uint64_t>(m >> rounder.drop, random[j]);
    m = m < kCut ? m : kCut;
    n[j] = static_cast<std::int32_t>((m ^ sign) - sign);
  }
}

template <isa::Rounding R, int L>
inline void quantise(const Rounder& rounder, float scale, const std::int32_t* v, const std::uint32_t* random,
                     std::int32_t* n) {
  if (rounder.shift < 1 || rounder.shift > 31) {
    std::int64_t wide[L];
    for (int j = 0; j < L; ++j) wide[j] = v[j];
    return quantise<R, L>(rounder, scale, wide, random, n);
  }
  for (int j = 0; j < L; ++j) {
    const std::uint32_t sign = static_cast<std::uint32_t>(v[j] >> 31);
    const std::uint32_t m =
        rounder.rounded<R, std::uint32_t>((static_cast<std::uint32_t>(v[j]) ^ sign) - sign, random[j]);
    n[j] = static_cast<std::int32_t>((m ^ sign) - sign);
  }
}

template <isa::Rounding R, int L>
inline void quantise(const Rounder&, float scale, const float* v, const std::uint32_t* random,
                     std::int32_t* n) {
  for (int j = 0; j < L; ++j) {
    const std::uint32_t bits = bits_of(v[j]);
    float m = float_of(bits & 0x7fffffffU) * scale;
    m = m < 0x1p20F ? m : 0x1p20F;  // NaN, too
    std::int32_t whole = static_cast<std::int32_t>(m);
    const float rest = m - static_cast<float>(whole);
    if (R == isa::Rounding::kNearestEven)
      whole += static_cast<std::int32_t>(rest > 0.5F) | (static_cast<std::int32_t>(rest == 0.5F) & whole & 1);
    if (R == isa::Rounding::kStochastic)
      whole += (static_cast<std::int32_t>(rest * 0x1p24F) + static_cast<std::int32_t>(random[j])) >> 24;
    const std::int32_t sign = static_cast<std::int32_t>(bits) >> 31;
    n[j] = (whole ^ sign) - sign;
  }
}
