// Quantising 16 lanes of integer accumulators on AVX-512. Included inside the namespace of a kernel set.

// (v + addend) >> shift for 0 <= addend <= 2^(shift − 1) and |v| <= 2^31 − 2^16: a sum that passes 2^31 is
// shifted as the unsigned number that it then is.
template <int L>
inline __m512i shift_after_add(const Fixed<L>& f, __m512i v, __m512i addend, __m128i shift) {
  const __m512i sum = _mm512_add_epi32(v, addend);
  const __m512i n = _mm512_sra_epi32(sum, shift);
  if (f.rounder.shift <= 16) return n;
  const __mmask16 wrapped = _mm512_movepi32_mask(_mm512_andnot_si512(v, sum));  // v >= 0 and sum < 0
  return _mm512_mask_mov_epi32(n, wrapped, _mm512_srl_epi32(sum, shift));
}

// 32-bit accumulators, shifted right by 1 to 31.
template <Packing P, bool Analyse, int L>
inline __m512i quantised_row(const Fixed<L>& f, const std::int32_t* values, int h, __m512i x, Seen& seen) {
  __m512i v = _mm512_load_si512(values);
  if (f.relu) v = _mm512_max_epi32(v, _mm512_setzero_si512());
  if constexpr (Analyse) {  // p + 1 = 32 − leading zeros of v or ~v
    const __m512i zeros = _mm512_lzcnt_epi32(_mm512_xor_si512(v, _mm512_srai_epi32(v, 31)));
    seen.place = _mm512_sub_epi32(_mm512_set1_epi32(32), zeros);
    seen.zero = _mm512_mask_testn_epi32_mask(f.mask[h], v, v);
  }
  const __m128i shift = _mm_cvtsi32_si128(f.rounder.shift);
  if constexpr (P == Packing::kNearestEven) {  // symmetric about zero
    const __m512i odd = _mm512_and_si512(_mm512_srl_epi32(v, shift), _mm512_set1_epi32(1));
    const __m512i addend = _mm512_add_epi32(odd, _mm512_set1_epi32(static_cast<int>(f.rounder.nearest)));
    return shift_after_add(f, v, addend, shift);
  } else {
    __m512i sum = _mm512_abs_epi32(v);
    if constexpr (P == Packing::kStochastic) {
      __m512i r = _mm512_srli_epi32(random_words(f, h, x), 8);
      r = f.rounder.shift >= 24 ? _mm512_sll_epi32(r, _mm_cvtsi32_si128(f.rounder.shift - 24))
                                : _mm512_srl_epi32(r, _mm_cvtsi32_si128(24 - f.rounder.shift));
      sum = _mm512_add_epi32(sum, r);
    }
    const __m512i n = _mm512_srl_epi32(sum, shift);
    return _mm512_mask_sub_epi32(n, _mm512_movepi32_mask(v), _mm512_setzero_si512(), n);
  }
}

// Cut to 32 bits, beyond every width.
template <Packing P, int L>
inline __m512i quantised_half(const Fixed<L>& f, __m512i v, __m256i r) {
  __m512i m = _mm512_abs_epi64(v);
  if (f.rounder.left > 0) {
    m = _mm512_sll_epi64(_mm512_min_epu64(m, _mm512_set1_epi64(1 << 20)), _mm_cvtsi32_si128(f.rounder.left));
  } else if (f.rounder.shift > 0) {
    const __m128i shift = _mm_cvtsi32_si128(f.rounder.shift);
    if (f.rounder.drop > 0) m = _mm512_srl_epi64(m, _mm_cvtsi32_si128(f.rounder.drop));
    if constexpr (P == Packing::kNearestEven) {
      const __m512i odd = _mm512_and_si512(_mm512_srl_epi64(m, shift), _mm512_set1_epi64(1));
      m = _mm512_add_epi64(
          m, _mm512_add_epi64(odd, _mm512_set1_epi64(static_cast<std::int64_t>(f.rounder.nearest))));
    } else if constexpr (P == Packing::kStochastic) {
      const __m512i wide = _mm512_cvtepu32_epi64(r);
      m = _mm512_add_epi64(m, f.rounder.shift >= 24
                                  ? _mm512_sll_epi64(wide, _mm_cvtsi32_si128(f.rounder.shift - 24))
                                  : _mm512_srl_epi64(wide, _mm_cvtsi32_si128(24 - f.rounder.shift)));
    }
    m = _mm512_srl_epi64(m, shift);
  }
  m = _mm512_min_epu64(m, _mm512_set1_epi64(1 << 30));
  return _mm512_mask_sub_epi64(m, _mm512_movepi64_mask(v), _mm512_setzero_si512(), m);
}

// Any accumulators.
template <Packing P, bool Analyse, int L>
inline __m512i quantised_row(const Fixed<L>& f, const std::int64_t* values, int h, __m512i x, Seen& seen) {
  __m512i r = _mm512_setzero_si512();
  if constexpr (P == Packing::kStochastic) r = _mm512_srli_epi32(random_words(f, h, x), 8);
  __m256i part[2], place[2];
  __mmask16 zero = 0;
#pragma GCC unroll 2
  for (int k = 0; k < 2; ++k) {
    __m512i v = _mm512_load_si512(values + 8 * k);
    if (f.relu) v = _mm512_max_epi64(v, _mm512_setzero_si512());
    if constexpr (Analyse) {
      const __m512i zeros = _mm512_lzcnt_epi64(_mm512_xor_si512(v, _mm512_srai_epi64(v, 63)));
      place[k] = _mm512_cvtepi64_epi32(_mm512_sub_epi64(_mm512_set1_epi64(64), zeros));
      zero = static_cast<__mmask16>(zero | _mm512_testn_epi64_mask(v, v) << (8 * k));
    }
    if constexpr (P == Packing::kFp32)  // rounded once, then scaled by the power of two
      part[k] = _mm256_castps_si256(_mm256_mul_ps(_mm512_cvtepi64_ps(v), _mm512_castps512_ps256(f.unscale)));
    else
      part[k] = _mm512_cvtepi64_epi32(
          quantised_half<P>(f, v, k == 0 ? _mm512_castsi512_si256(r) : _mm512_extracti64x4_epi64(r, 1)));
  }
  if constexpr (Analyse) {
    seen.place = _mm512_inserti64x4(_mm512_castsi256_si512(place[0]), place[1], 1);
    seen.zero = static_cast<__mmask16>(zero & f.mask[h]);
  }
  return _mm512_inserti64x4(_mm512_castsi256_si512(part[0]), part[1], 1);
}
