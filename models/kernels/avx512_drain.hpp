// Draining on AVX-512: ReLU, analysis, quantiser and packing of 16 lanes at once. Included inside the namespace of a
// kernel set.

// Counts bits at each of their places over many vectors, bit-sliced: plane k holds bit k of every count. Sixteen
// vectors are added by carry-save adders (as in Harley and Seal's population count), then ripple into the planes.
class BitCounts {
 public:
  BitCounts() {
    for (__m512i& plane : planes_) plane = _mm512_setzero_si512();
  }
  void add(__m512i bits) {
    pending_[count_ % 16] = bits;
    if (++count_ % 16 == 0) flush();
  }
  // Adds to totals[b] how many of the vectors' 512 / W elements had bit b, for elements of W bits.
  template <int W>
  void finish(std::uint64_t* totals) {
    while (count_ % 16 != 0) add(_mm512_setzero_si512());
    for (int k = 0; k < kPlanes; ++k) {
      if (_mm512_test_epi32_mask(planes_[k], planes_[k]) == 0) continue;
      for (int b = 0; b < W; ++b) {
        const int hits = W == 32 ? __builtin_popcount(_mm512_test_epi32_mask(planes_[k], _mm512_set1_epi32(1 << (b % 32))))
                                 : __builtin_popcount(_mm512_test_epi64_mask(planes_[k], _mm512_set1_epi64(std::int64_t{1} << b)));
        totals[b] += static_cast<std::uint64_t>(hits) << k;
      }
      planes_[k] = _mm512_setzero_si512();
    }
  }

 private:
  static constexpr int kPlanes = 48;
  static __m512i carry(__m512i u, __m512i v, __m512i w) { return _mm512_ternarylogic_epi32(u, v, w, 0xe8); }
  static __m512i parity(__m512i u, __m512i v, __m512i w) { return _mm512_ternarylogic_epi32(u, v, w, 0x96); }

  // u + v added to plane k: returns the carry.
  __m512i add_to(int k, __m512i u, __m512i v) {
    const __m512i out = carry(planes_[k], u, v);
    planes_[k] = parity(planes_[k], u, v);
    return out;
  }
  __m512i pair(const __m512i* p) { return add_to(0, p[0], p[1]); }
  __m512i four(const __m512i* p) {
    const __m512i u = pair(p), v = pair(p + 2);
    return add_to(1, u, v);
  }
  __m512i eight(const __m512i* p) {
    const __m512i u = four(p), v = four(p + 4);
    return add_to(2, u, v);
  }
  void flush() {
    const __m512i u = eight(pending_), v = eight(pending_ + 8);
    __m512i rest = add_to(3, u, v);
    for (int k = 4; k < kPlanes && _mm512_test_epi32_mask(rest, rest) != 0; ++k) {
      const __m512i next = _mm512_and_si512(planes_[k], rest);
      planes_[k] = _mm512_xor_si512(planes_[k], rest);
      rest = next;
    }
  }

  __m512i pending_[16];
  __m512i planes_[kPlanes];
  std::uint64_t count_ = 0;
};

enum class Packing { kFp32, kNearestEven, kStochastic, kTowardsZero };

template <int L>
class Avx512Drain {
 public:
  Avx512Drain(const Output& out, int point, Counts& counts)
      : out_(out), counts_(counts), point_(point), rounder_(out, point), portable_(out, point, counts) {
    packing_ = out.format == isa::Format::kFp32                    ? Packing::kFp32
               : out.rounding == isa::Rounding::kNearestEven       ? Packing::kNearestEven
               : out.rounding == isa::Rounding::kStochastic        ? Packing::kStochastic
                                                                   : Packing::kTowardsZero;
    scale_ = _mm512_set1_ps(__builtin_ldexpf(1.0F, out.q));
    high_ = _mm512_set1_epi32(rounder_.high);
    low_ = _mm512_set1_epi32(rounder_.low);
    key_ = _mm512_set1_epi32(static_cast<int>(out.key));
    const __m512i lane = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    for (int h = 0; h < kHalves; ++h) {
      lanes_[h] = _mm512_mullo_epi32(_mm512_add_epi32(lane, _mm512_set1_epi32(16 * h)),
                                     _mm512_set1_epi32(static_cast<int>(out.lane_stride)));
      std::uint32_t mask = 0;
      for (int j = 0; j < 16; ++j)
        if (16 * h + j >= out.lane_first && 16 * h + j < out.lane_first + out.lane_count) mask |= 1U << j;
      mask_[h] = static_cast<__mmask16>(mask);
      byte_mask_[h] = 0;
      for (int j = 0; j < 16; ++j)
        if ((mask >> j & 1U) != 0) byte_mask_[h] |= std::uint64_t{1} << (4 * j);
      half_mask_[h] = 0;
      for (int j = 0; j < 16; ++j)
        if ((mask >> j & 1U) != 0) half_mask_[h] |= std::uint32_t{1} << (2 * j);
    }
    saturated_high_ = saturated_low_ = empty_ = _mm512_setzero_si512();
  }

  template <class Value>
  void rows(const Value* values, int n, const std::int64_t* o, const std::int64_t* x) {
    switch (packing_) {
      case Packing::kFp32: return rows_as<Packing::kFp32>(values, n, o, x);
      case Packing::kNearestEven: return rows_as<Packing::kNearestEven>(values, n, o, x);
      case Packing::kStochastic: return rows_as<Packing::kStochastic>(values, n, o, x);
      case Packing::kTowardsZero: return rows_as<Packing::kTowardsZero>(values, n, o, x);
    }
  }

  void finish() {
    if (!out_.analyse || values_ == 0) return;
    std::uint64_t raw[64] = {}, total = 0;
    positions32_.template finish<32>(raw);
    for (int b = 0; b < 32; ++b) total += raw[b], bin(b - 1 - point_, raw[b]);
    std::uint64_t wide[64] = {};
    positions64_.template finish<64>(wide);
    for (int b = 0; b < 64; ++b) {
      total += wide[b];
      if (bins_)
        counts_.histogram[b] += wide[b];
      else
        bin(b - 1 - point_, wide[b]);
    }
    counts_.values += values_;
    counts_.zeros += values_ - total;
    if (packing_ == Packing::kFp32) return;
    counts_.saturated_high += sum(saturated_high_);
    counts_.saturated_low += sum(saturated_low_);
    counts_.underflows += sum(empty_) - (values_ - total);
  }

 private:
  static constexpr int kHalves = L / 16;

  static std::uint64_t sum(__m512i v) {
    alignas(64) std::uint32_t counts[16];
    _mm512_store_si512(counts, v);
    std::uint64_t total = 0;
    for (const std::uint32_t c : counts) total += c;
    return total;
  }
  void bin(int position, std::uint64_t n) {
    const int b = position - isa::kHistogramOrigin;
    counts_.histogram[b < 0 ? 0 : b >= isa::kHistogramBins ? isa::kHistogramBins - 1 : b] += n;
  }

  template <Packing P>
  void rows_as(const std::int32_t* values, int n, const std::int64_t* o, const std::int64_t* x) {
    const bool narrow = P != Packing::kFp32 && rounder_.shift >= 1 && rounder_.shift <= 31 && rounder_.drop == 0;
    if (narrow) return out_.analyse ? rows_of<P, true>(values, n, o, x) : rows_of<P, false>(values, n, o, x);
    alignas(64) std::int64_t wide[64 * L];
    for (int k = 0; k < n * L; k += 8)
      _mm512_store_si512(wide + k, _mm512_cvtepi32_epi64(_mm256_load_si256(reinterpret_cast<const __m256i*>(values + k))));
    rows_as<P>(wide, n, o, x);
  }
  template <Packing P, class Value>
  void rows_as(const Value* values, int n, const std::int64_t* o, const std::int64_t* x) {
    return out_.analyse ? rows_of<P, true>(values, n, o, x) : rows_of<P, false>(values, n, o, x);
  }
  template <Packing P, bool Analyse, class Value>
  __attribute__((noinline)) void rows_of(const Value* values, int n, const std::int64_t* o, const std::int64_t* x) {
    for (int k = 0; k < n; ++k)
      for (int h = 0; h < kHalves; ++h)
        row<P, Analyse>(values + k * L + 16 * h, h, o[k], _mm512_set1_epi32(static_cast<int>(x[k])));
    if (Analyse) values_ += static_cast<std::uint64_t>(n) * static_cast<std::uint64_t>(out_.lane_count);
  }

  __m512i random(int h, __m512i x) const {
    __m512i r = _mm512_xor_si512(_mm512_add_epi32(x, lanes_[h]), key_);
    r = _mm512_xor_si512(r, _mm512_srli_epi32(r, 16));
    r = _mm512_mullo_epi32(r, _mm512_set1_epi32(0x7feb352d));
    r = _mm512_xor_si512(r, _mm512_srli_epi32(r, 15));
    r = _mm512_mullo_epi32(r, _mm512_set1_epi32(static_cast<int>(0x846ca68bU)));
    return _mm512_xor_si512(r, _mm512_srli_epi32(r, 16));
  }

  // 32-bit accumulators, shifted right by 1 to 31.
  template <Packing P, bool Analyse>
  void row(const std::int32_t* values, int h, std::int64_t o, __m512i x) {
    __m512i v = _mm512_load_si512(values);
    if (out_.relu) v = _mm512_max_epi32(v, _mm512_setzero_si512());
    if (Analyse) {  // bit p + 1 of v ≠ 0; p + 1 = 32 − leading zeros of v or ~v
      const __m512i zeros = _mm512_lzcnt_epi32(_mm512_xor_si512(v, _mm512_srai_epi32(v, 31)));
      const __mmask16 some = _mm512_mask_test_epi32_mask(mask_[h], v, v);
      positions32_.add(_mm512_maskz_sllv_epi32(some, _mm512_set1_epi32(1), _mm512_sub_epi32(_mm512_set1_epi32(32), zeros)));
    }
    const __m128i shift = _mm_cvtsi32_si128(rounder_.shift);
    __m512i n;
    if constexpr (P == Packing::kNearestEven) {  // symmetric about zero
      const __m512i odd = _mm512_and_si512(_mm512_srl_epi32(v, shift), _mm512_set1_epi32(1));
      const __m512i addend = _mm512_add_epi32(odd, _mm512_set1_epi32(static_cast<int>(rounder_.nearest)));
      // The sum may pass 2^31 upwards by less than the addend: halved first, it cannot.
      n = shift_after_add(v, addend, shift);
    } else {
      const __m512i magnitude = _mm512_abs_epi32(v);
      __m512i sum = magnitude;
      if constexpr (P == Packing::kStochastic) {
        __m512i r = _mm512_srli_epi32(random(h, x), 8);
        r = rounder_.shift >= 24 ? _mm512_sll_epi32(r, _mm_cvtsi32_si128(rounder_.shift - 24))
                                 : _mm512_srl_epi32(r, _mm_cvtsi32_si128(24 - rounder_.shift));
        sum = _mm512_add_epi32(magnitude, r);
      }
      n = _mm512_srl_epi32(sum, shift);
      n = _mm512_mask_sub_epi32(n, _mm512_movepi32_mask(v), _mm512_setzero_si512(), n);
    }
    store<P, Analyse>(n, h, o);
  }
  // (v + addend) >> shift for 0 <= addend <= 2^(shift − 1): the carry out of 31 bits is put back by its sign.
  __m512i shift_after_add(__m512i v, __m512i addend, __m128i shift) const {
    const __m512i sum = _mm512_add_epi32(v, addend);
    const __m512i n = _mm512_sra_epi32(sum, shift);
    if (rounder_.shift < 30) return n;
    const __mmask16 wrapped = _mm512_movepi32_mask(_mm512_andnot_si512(v, sum));  // v >= 0 and sum < 0
    return _mm512_mask_mov_epi32(n, wrapped, _mm512_srl_epi32(sum, shift));
  }

  // Any accumulators.
  template <Packing P, bool Analyse>
  void row(const std::int64_t* values, int h, std::int64_t o, __m512i x) {
    __m512i r = _mm512_setzero_si512();
    if constexpr (P == Packing::kStochastic) r = _mm512_srli_epi32(random(h, x), 8);
    __m256i part[2];
    for (int k = 0; k < 2; ++k) {
      __m512i v = _mm512_load_si512(values + 8 * k);
      if (out_.relu) v = _mm512_max_epi64(v, _mm512_setzero_si512());
      if (Analyse) {
        const __m512i zeros = _mm512_lzcnt_epi64(_mm512_xor_si512(v, _mm512_srai_epi64(v, 63)));
        const __mmask8 some = _mm512_mask_test_epi64_mask(static_cast<__mmask8>(mask_[h] >> (8 * k)), v, v);
        positions64_.add(_mm512_maskz_sllv_epi64(some, _mm512_set1_epi64(1), _mm512_sub_epi64(_mm512_set1_epi64(64), zeros)));
      }
      if constexpr (P == Packing::kFp32) {
        // To FP32 rounded once, then scaled by the power of two.
        const __m256 f = _mm512_cvtepi64_ps(v);
        part[k] = _mm256_castps_si256(_mm256_mul_ps(f, _mm256_set1_ps(__builtin_ldexpf(1.0F, -point_))));
      } else {
        part[k] = _mm512_cvtepi64_epi32(quantised<P>(v, k == 0 ? _mm512_castsi512_si256(r) : _mm512_extracti64x4_epi64(r, 1)));
      }
    }
    store<P, Analyse>(_mm512_inserti64x4(_mm512_castsi256_si512(part[0]), part[1], 1), h, o);
  }
  // Cut to 32 bits, beyond every width.
  template <Packing P>
  __m512i quantised(__m512i v, __m256i r) const {
    const __m512i cut = _mm512_set1_epi64(1 << 30);
    __m512i m = _mm512_abs_epi64(v);
    if (rounder_.left > 0) {
      m = _mm512_sll_epi64(_mm512_min_epu64(m, _mm512_set1_epi64(1 << 20)), _mm_cvtsi32_si128(rounder_.left));
    } else if (rounder_.shift > 0) {
      const __m128i shift = _mm_cvtsi32_si128(rounder_.shift);
      m = _mm512_srl_epi64(m, _mm_cvtsi32_si128(rounder_.drop));
      if constexpr (P == Packing::kNearestEven) {
        const __m512i odd = _mm512_and_si512(_mm512_srl_epi64(m, shift), _mm512_set1_epi64(1));
        m = _mm512_add_epi64(m, _mm512_add_epi64(odd, _mm512_set1_epi64(static_cast<std::int64_t>(rounder_.nearest))));
      } else if constexpr (P == Packing::kStochastic) {
        const __m512i wide = _mm512_cvtepu32_epi64(r);
        m = _mm512_add_epi64(m, rounder_.shift >= 24 ? _mm512_sll_epi64(wide, _mm_cvtsi32_si128(rounder_.shift - 24))
                                                     : _mm512_srl_epi64(wide, _mm_cvtsi32_si128(24 - rounder_.shift)));
      }
      m = _mm512_srl_epi64(m, shift);
    }
    m = _mm512_min_epu64(m, cut);
    return _mm512_mask_sub_epi64(m, _mm512_movepi64_mask(v), _mm512_setzero_si512(), m);
  }

  template <Packing P, bool Analyse>
  void row(const float* values, int h, std::int64_t o, __m512i x) {
    __m512 v = _mm512_load_ps(values);
    if (out_.relu) v = _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(v, _mm512_setzero_ps(), _CMP_GT_OQ), v);
    const __m512i bits = _mm512_castps_si512(v);
    const __m512i magnitude = _mm512_and_si512(bits, _mm512_set1_epi32(0x7fffffff));
    if (Analyse) {
      bins_ = true;
      const __m512i exponent = _mm512_srli_epi32(_mm512_sub_epi32(magnitude, _mm512_srli_epi32(bits, 31)), 23);
      __m512i b = _mm512_sub_epi32(exponent, _mm512_set1_epi32(127 + isa::kHistogramOrigin));
      b = _mm512_min_epi32(_mm512_max_epi32(b, _mm512_setzero_si512()), _mm512_set1_epi32(isa::kHistogramBins - 1));
      const __mmask16 some = _mm512_mask_test_epi32_mask(mask_[h], magnitude, magnitude);
      const __m512i one = _mm512_set1_epi64(1);
      positions64_.add(_mm512_maskz_sllv_epi64(static_cast<__mmask8>(some), one, _mm512_cvtepu32_epi64(_mm512_castsi512_si256(b))));
      positions64_.add(_mm512_maskz_sllv_epi64(static_cast<__mmask8>(some >> 8), one, _mm512_cvtepu32_epi64(_mm512_extracti64x4_epi64(b, 1))));
    }
    if constexpr (P == Packing::kFp32) {
      store<P, Analyse>(bits, h, o);
    } else {
      // In units of the last place; what lies beyond every width, and NaN, is cut (min gives its second operand).
      const __m512 m = _mm512_min_ps(_mm512_mul_ps(_mm512_castsi512_ps(magnitude), scale_), _mm512_set1_ps(0x1p20F));
      __m512i n;
      if constexpr (P == Packing::kNearestEven) {
        n = _mm512_cvtps_epi32(m);
      } else {
        n = _mm512_cvttps_epi32(m);
        if constexpr (P == Packing::kStochastic) {
          const __m512 rest = _mm512_sub_ps(m, _mm512_cvtepi32_ps(n));
          const __m512i fraction = _mm512_cvttps_epi32(_mm512_mul_ps(rest, _mm512_set1_ps(0x1p24F)));
          const __m512i sum = _mm512_add_epi32(fraction, _mm512_srli_epi32(random(h, x), 8));
          n = _mm512_add_epi32(n, _mm512_srli_epi32(sum, 24));
        }
      }
      n = _mm512_mask_sub_epi32(n, _mm512_movepi32_mask(bits), _mm512_setzero_si512(), n);
      store<P, Analyse>(n, h, o);
    }
  }

  // Saturates, counts and writes the lanes of the mask.
  template <Packing P, bool Analyse>
  void store(__m512i n, int h, std::int64_t o) {
    if constexpr (P == Packing::kFp32) {
      _mm512_mask_storeu_epi32(out_.memory + o * (4 * L) + 64 * h, mask_[h], n);
      return;
    }
    if constexpr (Analyse) {
      const __m512i one = _mm512_set1_epi32(1);
      saturated_high_ = _mm512_mask_add_epi32(saturated_high_, _mm512_mask_cmpgt_epi32_mask(mask_[h], n, high_), saturated_high_, one);
      saturated_low_ = _mm512_mask_add_epi32(saturated_low_, _mm512_mask_cmplt_epi32_mask(mask_[h], n, low_), saturated_low_, one);
      empty_ = _mm512_mask_add_epi32(empty_, _mm512_mask_testn_epi32_mask(mask_[h], n, n), empty_, one);
    }
    n = _mm512_min_epi32(_mm512_max_epi32(n, low_), high_);
    if (out_.format == isa::Format::kInt8) {
      const auto sub = static_cast<unsigned>(o & 3);
      n = _mm512_sll_epi32(n, _mm_cvtsi32_si128(static_cast<int>(8 * sub)));
      _mm512_mask_storeu_epi8(out_.memory + (o >> 2) * (4 * L) + 64 * h, byte_mask_[h] << sub, n);
    } else {
      const auto sub = static_cast<unsigned>(o & 1);
      n = _mm512_sll_epi32(n, _mm_cvtsi32_si128(static_cast<int>(16 * sub)));
      _mm512_mask_storeu_epi16(out_.memory + (o >> 1) * (4 * L) + 64 * h, half_mask_[h] << sub, n);
    }
  }

  const Output& out_;
  Counts& counts_;
  int point_;
  Rounder rounder_;
  PortableDrain<L> portable_;
  Packing packing_;
  __m512 scale_;
  __m512i high_, low_, key_, lanes_[kHalves];
  __mmask16 mask_[kHalves];
  std::uint64_t byte_mask_[kHalves];
  std::uint32_t half_mask_[kHalves];
  std::uint64_t values_ = 0;
  bool bins_ = false;  // bits of positions64_ are bins, not positions
  __m512i saturated_high_, saturated_low_, empty_;
  BitCounts positions32_, positions64_;
};
