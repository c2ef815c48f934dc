// Where drained rows go, and packing them on AVX-512. Included inside the namespace of a kernel set.

// Where the rows go that are drained together: listed, or as the rows of a tile.
struct ListedRows {
  const std::int64_t *o_list, *x_list;
  std::int64_t o(int k) const { return o_list[k]; }
  std::uint32_t x(int k) const { return static_cast<std::uint32_t>(x_list[k]); }
};
struct TileRows {
  std::int64_t first_o;
  std::uint32_t first_x, row_stride;
  std::int64_t o(int k) const { return first_o + k; }
  std::uint32_t x(int k) const { return first_x + static_cast<std::uint32_t>(k) * row_stride; }
};

struct Tallies {
  std::uint64_t high = 0, low = 0;         // saturated
  __m512i empty = _mm512_setzero_si512();  // zeros after rounding, by lane
};

// Saturates, counts and writes the lanes of the mask.
template <Packing P, bool Analyse, int L>
inline void store_row(const Fixed<L>& f, Tallies& tallies, __m512i n, int h, std::int64_t o) {
  if constexpr (P == Packing::kFp32) {
    _mm512_mask_storeu_epi32(f.memory + o * (4 * L) + 64 * h, f.mask[h], n);
    return;
  }
  if constexpr (Analyse) {
    tallies.empty = _mm512_mask_add_epi32(tallies.empty, _mm512_mask_testn_epi32_mask(f.mask[h], n, n),
                                          tallies.empty, _mm512_set1_epi32(1));
  }
  const __m512i cut = _mm512_min_epi32(_mm512_max_epi32(n, f.low), f.high);
  if constexpr (Analyse) {
    const __mmask16 saturated = _mm512_mask_cmpneq_epi32_mask(f.mask[h], n, cut);
    if (__builtin_expect(saturated != 0, 0)) {
      const __mmask16 negative = _mm512_movepi32_mask(n);
      tallies.high += static_cast<unsigned>(__builtin_popcount(saturated & ~static_cast<unsigned>(negative)));
      tallies.low += static_cast<unsigned>(__builtin_popcount(saturated & static_cast<unsigned>(negative)));
    }
  }
  n = cut;
  if (f.bytes) {
    const auto sub = static_cast<int>(o & 3);
    n = _mm512_sll_epi32(n, _mm_cvtsi32_si128(8 * sub));
    _mm512_mask_storeu_epi8(f.memory + (o >> 2) * (4 * L) + 64 * h, f.byte_mask[h] << sub, n);
  } else {
    const auto sub = static_cast<int>(o & 1);
    n = _mm512_sll_epi32(n, _mm_cvtsi32_si128(16 * sub));
    _mm512_mask_storeu_epi16(f.memory + (o >> 1) * (4 * L) + 64 * h,
                             static_cast<__mmask32>(f.half_mask[h] << sub), n);
  }
}
