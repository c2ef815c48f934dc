// What draining on AVX-512 knows of an instruction, and the random words. Included inside the namespace of a
// kernel set.

// kShort: stochastic rounding of FP32 to at most 8 bits.
enum class Packing { kFp32, kNearestEven, kStochastic, kTowardsZero, kShort };

// Whether four row addresses are the four rows of a line of bytes.
ANZAN_INLINE bool is_line(const std::int64_t* rows) {
  const std::int64_t first = rows[0];
  return ((rows[1] - first - 1) | (rows[2] - first - 2) | (rows[3] - first - 3) | (first & 3)) == 0;
}

// Whether n addresses follow each other, or are n rows of bytes that begin with a line.
inline bool in_turn(const std::int64_t* at, int n) {
  __m512i expected = _mm512_add_epi64(_mm512_set1_epi64(at[0]), _mm512_setr_epi64(0, 1, 2, 3, 4, 5, 6, 7));
  __mmask8 wrong = 0;
  for (int k = 0; k < n; k += 8) {
    const auto some = static_cast<__mmask8>(n - k >= 8 ? 0xff : (1 << (n - k)) - 1);
    const __m512i found = _mm512_maskz_loadu_epi64(some, at + k);
    wrong = static_cast<__mmask8>(wrong | _mm512_mask_cmpneq_epi64_mask(some, found, expected));
    expected = _mm512_add_epi64(expected, _mm512_set1_epi64(8));
  }
  return wrong == 0;
}
inline bool are_lines(const std::int64_t* rows, int n) { return (rows[0] & 3) == 0 && in_turn(rows, n); }

// What stays the same for all rows. Copied before a loop over rows: the rows that it writes are bytes,
// which might be any object that is not local.
template <int L>
struct Fixed {
  static constexpr int kHalves = L / 16;

  Rounder rounder;
  __m512 scale, scale24, unscale;
  __m512i high, low, key, lanes[kHalves];
  __mmask16 mask[kHalves];
  std::uint64_t byte_mask[kHalves], half_mask[kHalves];
  std::uint8_t* memory;
  bool relu, bytes;
  bool streams;  // whole lines, past the caches

  Fixed(const Output& out, int point) : rounder(out, point) {
    scale = _mm512_set1_ps(__builtin_ldexpf(1.0F, out.q));
    scale24 = _mm512_set1_ps(__builtin_ldexpf(1.0F, out.q + 24));
    unscale = _mm512_set1_ps(__builtin_ldexpf(1.0F, -point));
    high = _mm512_set1_epi32(rounder.high);
    low = _mm512_set1_epi32(rounder.low);
    key = _mm512_set1_epi32(static_cast<int>(out.key));
    memory = out.memory;
    relu = out.relu;
    bytes = out.format == isa::Format::kInt8;
    streams = out.past_caches && out.lane_count == L;
    const __m512i lane = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    for (int h = 0; h < kHalves; ++h) {
      lanes[h] = _mm512_mullo_epi32(_mm512_add_epi32(lane, _mm512_set1_epi32(16 * h)),
                                    _mm512_set1_epi32(static_cast<int>(out.lane_stride)));
      const std::uint64_t all = ((std::uint64_t{1} << out.lane_count) - 1) << out.lane_first;
      mask[h] = static_cast<__mmask16>(all >> (16 * h));
      byte_mask[h] = _pdep_u64(mask[h], 0x1111111111111111U);
      half_mask[h] = _pdep_u64(mask[h], 0x55555555U);
    }
  }
};
// What the analysis sees of 16 lanes: a byte a lane, which stands for the position, and which are zero.
struct Seen {
  __m512i place;
  __mmask16 zero;
};
template <int L>
inline __m512i random_words(const Fixed<L>& f, int h, __m512i x) {
  __m512i r = _mm512_xor_si512(_mm512_add_epi32(x, f.lanes[h]), f.key);
  r = _mm512_xor_si512(r, _mm512_srli_epi32(r, 16));
  r = _mm512_mullo_epi32(r, _mm512_set1_epi32(0x7feb352d));
  r = _mm512_xor_si512(r, _mm512_srli_epi32(r, 15));
  r = _mm512_mullo_epi32(r, _mm512_set1_epi32(static_cast<int>(0x846ca68bU)));
  return _mm512_xor_si512(r, _mm512_srli_epi32(r, 16));
}
