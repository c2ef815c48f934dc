// Transposing blocks of 16 by 16 elements in registers on AVX-512. Included inside the namespace of a kernel
// set.

inline std::uint64_t lane_bytes(int lanes) {
  return lanes == 16 ? ~std::uint64_t{0} : (std::uint64_t{1} << (4 * lanes)) - 1;
}
// Bytes of the first `rows` rows of a line.
inline std::uint64_t sub_bytes(isa::Format element, int rows) {
  const int bytes = rows * (4 >> element_shift(element));
  return bytes >= 4 ? ~std::uint64_t{0} : 0x1111111111111111U * ((std::uint64_t{1} << bytes) - 1);
}
// The 4 × 4 matrix of 128-bit pieces of four lines.
ANZAN_INLINE void transpose_pieces(__m512i& a, __m512i& b, __m512i& c, __m512i& d) {
  const __m512i ab_low = _mm512_shuffle_i64x2(a, b, 0x44), ab_high = _mm512_shuffle_i64x2(a, b, 0xee);
  const __m512i cd_low = _mm512_shuffle_i64x2(c, d, 0x44), cd_high = _mm512_shuffle_i64x2(c, d, 0xee);
  a = _mm512_shuffle_i64x2(ab_low, cd_low, 0x88);
  b = _mm512_shuffle_i64x2(ab_low, cd_low, 0xdd);
  c = _mm512_shuffle_i64x2(ab_high, cd_high, 0x88);
  d = _mm512_shuffle_i64x2(ab_high, cd_high, 0xdd);
}
ANZAN_INLINE void transpose_int8(__m512i* line) {
  transpose_pieces(line[0], line[1], line[2], line[3]);
  const __m512i inner =
      _mm512_broadcast_i32x4(_mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15));
#pragma GCC unroll 4
  for (int k = 0; k < 4; ++k) line[k] = _mm512_shuffle_epi8(line[k], inner);
}
ANZAN_INLINE void transpose_int16(__m512i* line) {
  // 8 × 8 pieces of 64 bits: pairs within 128 bits, then 4 × 4 of 128 bits.
#pragma GCC unroll 4
  for (int k = 0; k < 8; k += 2) {
    const __m512i low = _mm512_unpacklo_epi64(line[k], line[k + 1]),
                  high = _mm512_unpackhi_epi64(line[k], line[k + 1]);
    line[k] = low;
    line[k + 1] = high;
  }
  transpose_pieces(line[0], line[2], line[4], line[6]);
  transpose_pieces(line[1], line[3], line[5], line[7]);
  const __m512i inner =
      _mm512_broadcast_i32x4(_mm_setr_epi8(0, 1, 4, 5, 2, 3, 6, 7, 8, 9, 12, 13, 10, 11, 14, 15));
#pragma GCC unroll 8
  for (int k = 0; k < 8; ++k) line[k] = _mm512_shuffle_epi8(line[k], inner);
}
ANZAN_INLINE void transpose_fp32(__m512i* line) {
  // 4 × 4 words within 128 bits, then 4 × 4 of 128 bits.
#pragma GCC unroll 4
  for (int k = 0; k < 16; k += 4) {
    const __m512i ab_low = _mm512_unpacklo_epi32(line[k], line[k + 1]),
                  ab_high = _mm512_unpackhi_epi32(line[k], line[k + 1]);
    const __m512i cd_low = _mm512_unpacklo_epi32(line[k + 2], line[k + 3]),
                  cd_high = _mm512_unpackhi_epi32(line[k + 2], line[k + 3]);
    line[k] = _mm512_unpacklo_epi64(ab_low, cd_low);
    line[k + 1] = _mm512_unpackhi_epi64(ab_low, cd_low);
    line[k + 2] = _mm512_unpacklo_epi64(ab_high, cd_high);
    line[k + 3] = _mm512_unpackhi_epi64(ab_high, cd_high);
  }
#pragma GCC unroll 4
  for (int k = 0; k < 4; ++k) transpose_pieces(line[k], line[k + 4], line[k + 8], line[k + 12]);
}

// A whole block of N lines: in registers from reading to writing.
template <int N, class Turn>
ANZAN_INLINE void transpose_whole(std::uint8_t* dst, const std::uint8_t* src, Turn turn) {
  __m512i line[N];
#pragma GCC unroll 16
  for (int k = 0; k < N; ++k) line[k] = _mm512_loadu_si512(src + 64 * k);
  turn(line);
#pragma GCC unroll 16
  for (int k = 0; k < N; ++k) _mm512_storeu_si512(dst + 64 * k, line[k]);
}
inline void transpose_whole(isa::Format element, std::uint8_t* dst, const std::uint8_t* src) {
  switch (element) {
    case isa::Format::kInt8:
      return transpose_whole<4>(dst, src, [](__m512i* line) ANZAN_FORCE { transpose_int8(line); });
    case isa::Format::kInt16:
      return transpose_whole<8>(dst, src, [](__m512i* line) ANZAN_FORCE { transpose_int16(line); });
    case isa::Format::kFp32:
      return transpose_whole<16>(dst, src, [](__m512i* line) ANZAN_FORCE { transpose_fp32(line); });
  }
}
