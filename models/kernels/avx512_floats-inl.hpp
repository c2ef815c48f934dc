// Quantising 16 lanes of FP32 on AVX-512. Included inside the namespace of a kernel set.

template <Packing P, bool Analyse, int L>
inline __m512i quantised_row(const Fixed<L>& f, const float* values, int h, __m512i x, Seen& seen) {
  __m512 v = _mm512_load_ps(values);
  if (f.relu) v = _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(v, _mm512_setzero_ps(), _CMP_GT_OQ), v);
  const __m512i word = _mm512_castps_si512(v);
  const __m512i magnitude = _mm512_and_si512(word, _mm512_set1_epi32(0x7fffffff));
  if constexpr (Analyse) {  // the exponent; one less for a power of two that is negative, but not for −0
    const __m512i below = _mm512_sub_epi32(magnitude, _mm512_srli_epi32(word, 31));
    seen.place = _mm512_srli_epi32(_mm512_max_epi32(below, _mm512_setzero_si512()), 23);
    seen.zero = _mm512_mask_testn_epi32_mask(f.mask[h], magnitude, magnitude);
  }
  if constexpr (P == Packing::kFp32) return word;
  if constexpr (P == Packing::kShort) {  // 8 bits before the point, 24 behind it; 254 is beyond every width
    const __m512 m =
        _mm512_min_ps(_mm512_mul_ps(_mm512_castsi512_ps(magnitude), f.scale24), _mm512_set1_ps(0x1.fcp31F));
    const __m512i sum = _mm512_add_epi32(_mm512_cvttps_epu32(m), _mm512_srli_epi32(random_words(f, h, x), 8));
    const __m512i n = _mm512_srli_epi32(sum, 24);
    return _mm512_mask_sub_epi32(n, _mm512_movepi32_mask(word), _mm512_setzero_si512(), n);
  }
  // In units of the last place; what lies beyond every width, and NaN, is cut (min gives its second
  // operand).
  const __m512 m =
      _mm512_min_ps(_mm512_mul_ps(_mm512_castsi512_ps(magnitude), f.scale), _mm512_set1_ps(0x1p20F));
  __m512i n;
  if constexpr (P == Packing::kNearestEven) {
    n = _mm512_cvtps_epi32(m);
  } else {
    n = _mm512_cvttps_epi32(m);
    if constexpr (P == Packing::kStochastic) {
      const __m512 rest = _mm512_sub_ps(m, _mm512_cvtepi32_ps(n));
      const __m512i fraction = _mm512_cvttps_epi32(_mm512_mul_ps(rest, _mm512_set1_ps(0x1p24F)));
      const __m512i sum = _mm512_add_epi32(fraction, _mm512_srli_epi32(random_words(f, h, x), 8));
      n = _mm512_add_epi32(n, _mm512_srli_epi32(sum, 24));
    }
  }
  return _mm512_mask_sub_epi32(n, _mm512_movepi32_mask(word), _mm512_setzero_si512(), n);
}
