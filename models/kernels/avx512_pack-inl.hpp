// Where drained rows go, and packing them on AVX-512. Included inside the namespace of a kernel set.

// Where the rows go that are drained together: listed, or as the rows of a tile.
struct ListedRows {
  const std::int64_t *o_list, *x_list;
  std::int64_t o(int k) const { return o_list[k]; }
  std::uint32_t x(int k) const { return static_cast<std::uint32_t>(x_list[k]); }
  // Whether rows k to k + 3 are the four of a line of bytes.
  bool lines;  // all of them
  bool four(int k) const { return lines || is_line(o_list + k); }
};
struct TileRows {
  std::int64_t first_o;
  std::uint32_t first_x, row_stride;
  std::int64_t o(int k) const { return first_o + k; }
  std::uint32_t x(int k) const { return first_x + static_cast<std::uint32_t>(k) * row_stride; }
  bool four(int k) const { return (first_o + k) % 4 == 0; }
};

struct Tallies {
  std::uint64_t high = 0, low = 0;     // saturated
  std::uint64_t zeros = 0, empty = 0;  // before and after rounding
};

template <int L>
inline void count_saturated(const Fixed<L>& f, Tallies& tallies, __m512i n, int h) {
  tallies.high +=
      static_cast<unsigned>(__builtin_popcount(_mm512_mask_cmpgt_epi32_mask(f.mask[h], n, f.high)));
  tallies.low += static_cast<unsigned>(__builtin_popcount(_mm512_mask_cmplt_epi32_mask(f.mask[h], n, f.low)));
}

// Saturates, counts and writes the lanes of the mask.
template <Packing P, bool Analyse, int L>
inline void store_row(const Fixed<L>& f, Tallies& tallies, __m512i n, int h, std::int64_t o) {
  if constexpr (P == Packing::kFp32) {
    std::uint8_t* const line = f.memory + o * (4 * L) + 64 * h;
    if (f.streams)
      _mm512_stream_si512(reinterpret_cast<__m512i*>(line), n);
    else
      _mm512_mask_storeu_epi32(line, f.mask[h], n);
    return;
  }
  const __m512i cut = _mm512_min_epi32(_mm512_max_epi32(n, f.low), f.high);
  if constexpr (Analyse) {
    tallies.empty += static_cast<unsigned>(__builtin_popcount(_mm512_mask_testn_epi32_mask(f.mask[h], n, n)));
    if (__builtin_expect(_mm512_cmpneq_epi32_mask(n, cut) != 0, 0)) count_saturated(f, tallies, n, h);
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

// The same for four rows of bytes, which are a line.
template <bool Analyse, int L>
inline void store_line(const Fixed<L>& f, Tallies& tallies, const __m512i (&n)[4], int h, std::int64_t o) {
  const __m512i low = _mm512_set1_epi16(static_cast<short>(f.rounder.low)),
                high = _mm512_set1_epi16(static_cast<short>(f.rounder.high));
  const __m512i words[2] = {_mm512_packs_epi32(n[0], n[1]), _mm512_packs_epi32(n[2], n[3])};
  const __m512i cut[2] = {_mm512_min_epi16(_mm512_max_epi16(words[0], low), high),
                          _mm512_min_epi16(_mm512_max_epi16(words[1], low), high)};
  // Packing leaves four lanes of each row side by side.
  const __m512i turn =
      _mm512_broadcast_i32x4(_mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15));
  const __m512i line = _mm512_shuffle_epi8(_mm512_packs_epi16(cut[0], cut[1]), turn);
  const __mmask64 lanes = f.byte_mask[h] * 15;
  if constexpr (Analyse) {
    tallies.empty +=
        static_cast<unsigned>(__builtin_popcountll(_mm512_mask_testn_epi8_mask(lanes, line, line)));
    const __m512i changed =
        _mm512_ternarylogic_epi32(_mm512_xor_si512(words[0], cut[0]), words[1], cut[1], 0xf6);
    if (__builtin_expect(_mm512_test_epi32_mask(changed, changed) != 0, 0))
      for (const __m512i& row : n) count_saturated(f, tallies, row, h);
  }
  std::uint8_t* const to = f.memory + (o >> 2) * (4 * L) + 64 * h;
  if (f.streams)
    _mm512_stream_si512(reinterpret_cast<__m512i*>(to), line);
  else
    _mm512_mask_storeu_epi8(to, lanes, line);
}
