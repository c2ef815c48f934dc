// Draining on AVX-512: ReLU, analysis, quantiser and packing of 16 lanes at once. Included inside the namespace of a
// kernel set.

// Counts bits at each of their places over many vectors, bit-sliced: plane k holds bit k of every count. Sixteen
// vectors are added by carry-save adders (as in Harley and Seal's population count), then ripple into the planes.
class BitCounts {
 public:
  static constexpr int kRoom = 128;  // vectors that may be written at once

  BitCounts() {
    for (__m512i& plane : planes_) plane = _mm512_setzero_si512();
  }
  // Where the next vectors are to be written, and that `n` of them have been.
  __m512i* room() { return pending_ + count_; }
  void written(int n) {
    count_ += n;
    int done = 0;
    for (; count_ - done >= 16; done += 16) add_sixteen(pending_ + done);
    if (done == 0) return;
    for (int k = done; k < count_; ++k) pending_[k - done] = pending_[k];
    count_ -= done;
  }
  // Adds to totals[b] how many of the vectors' elements of W bits had bit b.
  template <int W>
  void finish(std::uint64_t* totals) {
    while (count_ % 16 != 0) pending_[count_++] = _mm512_setzero_si512();
    written(0);
    for (int k = 0; k < kPlanes; ++k) {
      if (_mm512_test_epi32_mask(planes_[k], planes_[k]) == 0) continue;
      for (int b = 0; b < W; ++b) {
        const int hits = W == 32 ? __builtin_popcount(_mm512_test_epi32_mask(planes_[k], _mm512_set1_epi32(1 << (b % 32))))
                                 : __builtin_popcount(_mm512_test_epi64_mask(planes_[k], _mm512_set1_epi64(std::int64_t{1} << b)));
        totals[b] += static_cast<std::uint64_t>(hits) << k;
      }
    }
  }

 private:
  static constexpr int kPlanes = 48;

  // u + v added to plane k: returns the carry.
  static __m512i add(__m512i& plane, __m512i u, __m512i v) {
    const __m512i carry = _mm512_ternarylogic_epi32(plane, u, v, 0xe8);
    plane = _mm512_ternarylogic_epi32(plane, u, v, 0x96);
    return carry;
  }
  void add_sixteen(const __m512i* p) {
    __m512i ones = planes_[0], twos = planes_[1], fours = planes_[2], eights = planes_[3];
    __m512i two[8], four[4], eight[2];
#pragma GCC unroll 8
    for (int k = 0; k < 8; ++k) two[k] = add(ones, p[2 * k], p[2 * k + 1]);
#pragma GCC unroll 4
    for (int k = 0; k < 4; ++k) four[k] = add(twos, two[2 * k], two[2 * k + 1]);
#pragma GCC unroll 2
    for (int k = 0; k < 2; ++k) eight[k] = add(fours, four[2 * k], four[2 * k + 1]);
    __m512i rest = add(eights, eight[0], eight[1]);
    planes_[0] = ones;
    planes_[1] = twos;
    planes_[2] = fours;
    planes_[3] = eights;
    for (int k = 4; k < kPlanes && _mm512_test_epi32_mask(rest, rest) != 0; ++k) {
      const __m512i next = _mm512_and_si512(planes_[k], rest);
      planes_[k] = _mm512_xor_si512(planes_[k], rest);
      rest = next;
    }
  }

  int count_ = 0;
  __m512i planes_[kPlanes];
  __m512i pending_[kRoom + 16];
};

enum class Packing { kFp32, kNearestEven, kStochastic, kTowardsZero };

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

template <int L>
class Avx512Drain {
 public:
  Avx512Drain(const Output& out, int point, Counts& counts)
      : out_(out), counts_(counts), point_(point), fixed_(out, point) {
    packing_ = out.format == isa::Format::kFp32               ? Packing::kFp32
               : out.rounding == isa::Rounding::kNearestEven  ? Packing::kNearestEven
               : out.rounding == isa::Rounding::kStochastic   ? Packing::kStochastic
                                                              : Packing::kTowardsZero;
  }

  // At most kMostRows rows of aligned values.
  static constexpr int kMostRows = 32;
  template <class Value>
  void rows(const Value* values, int n, const std::int64_t* o, const std::int64_t* x) {
    place(values, n, ListedRows{o, x});
  }
  template <class Value>
  void tile(const Value* values, int n, std::int64_t o, std::uint32_t x, std::uint32_t row_stride) {
    place(values, n, TileRows{o, x, row_stride});
  }

  void finish() {
    if (!out_.analyse || values_ == 0) return;
    std::uint64_t counts[64] = {}, total = 0;
    positions32_.template finish<32>(counts);
    positions_high_.template finish<32>(counts + 32);
    positions64_.template finish<64>(counts);
    for (int b = 0; b < 64; ++b) {
      total += counts[b];
      bin(bins_ ? b + isa::kHistogramOrigin : b - 1 - point_, counts[b]);
    }
    counts_.values += values_;
    counts_.zeros += values_ - total;
    if (packing_ == Packing::kFp32) return;
    counts_.saturated_high += tallies_.high;
    counts_.saturated_low += tallies_.low;
    counts_.underflows += sum(tallies_.empty) - (values_ - total);
  }

 private:
  static constexpr int kHalves = L / 16;

  // What stays the same for all rows. Copied before a loop over rows: the rows that it writes are bytes, which might
  // be any object that is not local.
  struct Fixed {
    Rounder rounder;
    __m512 scale, unscale;
    __m512i high, low, key, lanes[kHalves];
    __mmask16 mask[kHalves];
    std::uint64_t byte_mask[kHalves], half_mask[kHalves];
    std::uint8_t* memory;
    bool relu, bytes;

    Fixed(const Output& out, int point) : rounder(out, point) {
      scale = _mm512_set1_ps(__builtin_ldexpf(1.0F, out.q));
      unscale = _mm512_set1_ps(__builtin_ldexpf(1.0F, -point));
      high = _mm512_set1_epi32(rounder.high);
      low = _mm512_set1_epi32(rounder.low);
      key = _mm512_set1_epi32(static_cast<int>(out.key));
      memory = out.memory;
      relu = out.relu;
      bytes = out.format == isa::Format::kInt8;
      const __m512i lane = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
      for (int h = 0; h < kHalves; ++h) {
        lanes[h] = _mm512_mullo_epi32(_mm512_add_epi32(lane, _mm512_set1_epi32(16 * h)),
                                      _mm512_set1_epi32(static_cast<int>(out.lane_stride)));
        mask[h] = 0;
        byte_mask[h] = half_mask[h] = 0;
        for (int j = 0; j < 16; ++j) {
          if (16 * h + j < out.lane_first || 16 * h + j >= out.lane_first + out.lane_count) continue;
          mask[h] = static_cast<__mmask16>(mask[h] | 1U << j);
          byte_mask[h] |= std::uint64_t{1} << (4 * j);
          half_mask[h] |= std::uint64_t{1} << (2 * j);
        }
      }
    }
  };
  struct Positions {
    __m512i *low, *high;  // where the next vectors of one-hot positions go
  };
  struct Tallies {
    std::uint64_t high = 0, low = 0;            // saturated
    __m512i empty = _mm512_setzero_si512();     // zeros after rounding, by lane
  };

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

  template <class Value, class Place>
  void place(const Value* values, int n, const Place& place_of) {
    switch (packing_) {
      case Packing::kFp32: return pack<Packing::kFp32>(values, n, place_of);
      case Packing::kNearestEven: return pack<Packing::kNearestEven>(values, n, place_of);
      case Packing::kStochastic: return pack<Packing::kStochastic>(values, n, place_of);
      case Packing::kTowardsZero: return pack<Packing::kTowardsZero>(values, n, place_of);
    }
  }
  template <Packing P, class Place>
  void pack(const std::int32_t* values, int n, const Place& place_of) {
    if (P != Packing::kFp32 && fixed_.rounder.shift >= 1 && fixed_.rounder.shift <= 31) {
      if (out_.analyse)
        each_row<P, true>(values, n, place_of);
      else
        each_row<P, false>(values, n, place_of);
      return;
    }
    alignas(64) std::int64_t wide[kMostRows * L];
    for (int k = 0; k < n * L; k += 8)
      _mm512_store_si512(wide + k, _mm512_cvtepi32_epi64(_mm256_load_si256(reinterpret_cast<const __m256i*>(values + k))));
    pack<P>(wide, n, place_of);
  }
  template <Packing P, class Value, class Place>
  void pack(const Value* values, int n, const Place& place_of) {
    if (out_.analyse)
      each_row<P, true>(values, n, place_of);
    else
      each_row<P, false>(values, n, place_of);
  }

  template <Packing P, bool Analyse, class Value, class Place>
  __attribute__((noinline)) void each_row(const Value* values, int n, const Place place_of) {
    const Fixed f = fixed_;
    Tallies tallies = tallies_;
    BitCounts& low = std::is_same_v<Value, std::int64_t> ? positions64_ : positions32_;
    Positions bits{low.room(), positions_high_.room()};
    const Positions first = bits;
    for (int k = 0; k < n; ++k)
      for (int h = 0; h < kHalves; ++h) {
        const __m512i x = _mm512_set1_epi32(static_cast<int>(place_of.x(k)));
        const __m512i row = row_of<P, Analyse>(f, values + k * L + 16 * h, h, x, bits);
        store<P, Analyse>(f, tallies, row, h, place_of.o(k));
      }
    if constexpr (!Analyse) return;
    tallies_ = tallies;
    low.written(static_cast<int>(bits.low - first.low));
    if constexpr (std::is_same_v<Value, float>) positions_high_.written(static_cast<int>(bits.high - first.high));
    values_ += static_cast<std::uint64_t>(n) * static_cast<std::uint64_t>(out_.lane_count);
    if (std::is_same_v<Value, float>) bins_ = true;
  }

  static __m512i random(const Fixed& f, int h, __m512i x) {
    __m512i r = _mm512_xor_si512(_mm512_add_epi32(x, f.lanes[h]), f.key);
    r = _mm512_xor_si512(r, _mm512_srli_epi32(r, 16));
    r = _mm512_mullo_epi32(r, _mm512_set1_epi32(0x7feb352d));
    r = _mm512_xor_si512(r, _mm512_srli_epi32(r, 15));
    r = _mm512_mullo_epi32(r, _mm512_set1_epi32(static_cast<int>(0x846ca68bU)));
    return _mm512_xor_si512(r, _mm512_srli_epi32(r, 16));
  }

  // 32-bit accumulators, shifted right by 1 to 31.
  template <Packing P, bool Analyse>
  static __m512i row_of(const Fixed& f, const std::int32_t* values, int h, __m512i x, Positions& bits) {
    __m512i v = _mm512_load_si512(values);
    if (f.relu) v = _mm512_max_epi32(v, _mm512_setzero_si512());
    if constexpr (Analyse) {  // bit p + 1 of v ≠ 0; p + 1 = 32 − leading zeros of v or ~v
      const __m512i zeros = _mm512_lzcnt_epi32(_mm512_xor_si512(v, _mm512_srai_epi32(v, 31)));
      const __mmask16 some = _mm512_mask_test_epi32_mask(f.mask[h], v, v);
      *bits.low++ = _mm512_maskz_sllv_epi32(some, _mm512_set1_epi32(1), _mm512_sub_epi32(_mm512_set1_epi32(32), zeros));
    }
    const __m128i shift = _mm_cvtsi32_si128(f.rounder.shift);
    if constexpr (P == Packing::kNearestEven) {  // symmetric about zero
      const __m512i odd = _mm512_and_si512(_mm512_srl_epi32(v, shift), _mm512_set1_epi32(1));
      const __m512i addend = _mm512_add_epi32(odd, _mm512_set1_epi32(static_cast<int>(f.rounder.nearest)));
      return shift_after_add(f, v, addend, shift);
    } else {
      __m512i sum = _mm512_abs_epi32(v);
      if constexpr (P == Packing::kStochastic) {
        __m512i r = _mm512_srli_epi32(random(f, h, x), 8);
        r = f.rounder.shift >= 24 ? _mm512_sll_epi32(r, _mm_cvtsi32_si128(f.rounder.shift - 24))
                                  : _mm512_srl_epi32(r, _mm_cvtsi32_si128(24 - f.rounder.shift));
        sum = _mm512_add_epi32(sum, r);
      }
      const __m512i n = _mm512_srl_epi32(sum, shift);
      return _mm512_mask_sub_epi32(n, _mm512_movepi32_mask(v), _mm512_setzero_si512(), n);
    }
  }
  // (v + addend) >> shift for 0 <= addend <= 2^(shift − 1) and |v| <= 2^31 − 2^16: a sum that passes 2^31 is shifted as
  // the unsigned number that it then is.
  static __m512i shift_after_add(const Fixed& f, __m512i v, __m512i addend, __m128i shift) {
    const __m512i sum = _mm512_add_epi32(v, addend);
    const __m512i n = _mm512_sra_epi32(sum, shift);
    if (f.rounder.shift <= 16) return n;
    const __mmask16 wrapped = _mm512_movepi32_mask(_mm512_andnot_si512(v, sum));  // v >= 0 and sum < 0
    return _mm512_mask_mov_epi32(n, wrapped, _mm512_srl_epi32(sum, shift));
  }

  // Any accumulators.
  template <Packing P, bool Analyse>
  static __m512i row_of(const Fixed& f, const std::int64_t* values, int h, __m512i x, Positions& bits) {
    __m512i r = _mm512_setzero_si512();
    if constexpr (P == Packing::kStochastic) r = _mm512_srli_epi32(random(f, h, x), 8);
    __m256i part[2];
#pragma GCC unroll 2
    for (int k = 0; k < 2; ++k) {
      __m512i v = _mm512_load_si512(values + 8 * k);
      if (f.relu) v = _mm512_max_epi64(v, _mm512_setzero_si512());
      if constexpr (Analyse) {
        const __m512i zeros = _mm512_lzcnt_epi64(_mm512_xor_si512(v, _mm512_srai_epi64(v, 63)));
        const __mmask8 some = _mm512_mask_test_epi64_mask(static_cast<__mmask8>(f.mask[h] >> (8 * k)), v, v);
        *bits.low++ = _mm512_maskz_sllv_epi64(some, _mm512_set1_epi64(1), _mm512_sub_epi64(_mm512_set1_epi64(64), zeros));
      }
      if constexpr (P == Packing::kFp32)  // rounded once, then scaled by the power of two
        part[k] = _mm256_castps_si256(_mm256_mul_ps(_mm512_cvtepi64_ps(v), _mm512_castps512_ps256(f.unscale)));
      else
        part[k] = _mm512_cvtepi64_epi32(
            quantised<P>(f, v, k == 0 ? _mm512_castsi512_si256(r) : _mm512_extracti64x4_epi64(r, 1)));
    }
    return _mm512_inserti64x4(_mm512_castsi256_si512(part[0]), part[1], 1);
  }
  // Cut to 32 bits, beyond every width.
  template <Packing P>
  static __m512i quantised(const Fixed& f, __m512i v, __m256i r) {
    __m512i m = _mm512_abs_epi64(v);
    if (f.rounder.left > 0) {
      m = _mm512_sll_epi64(_mm512_min_epu64(m, _mm512_set1_epi64(1 << 20)), _mm_cvtsi32_si128(f.rounder.left));
    } else if (f.rounder.shift > 0) {
      const __m128i shift = _mm_cvtsi32_si128(f.rounder.shift);
      if (f.rounder.drop > 0) m = _mm512_srl_epi64(m, _mm_cvtsi32_si128(f.rounder.drop));
      if constexpr (P == Packing::kNearestEven) {
        const __m512i odd = _mm512_and_si512(_mm512_srl_epi64(m, shift), _mm512_set1_epi64(1));
        m = _mm512_add_epi64(m, _mm512_add_epi64(odd, _mm512_set1_epi64(static_cast<std::int64_t>(f.rounder.nearest))));
      } else if constexpr (P == Packing::kStochastic) {
        const __m512i wide = _mm512_cvtepu32_epi64(r);
        m = _mm512_add_epi64(m, f.rounder.shift >= 24 ? _mm512_sll_epi64(wide, _mm_cvtsi32_si128(f.rounder.shift - 24))
                                                      : _mm512_srl_epi64(wide, _mm_cvtsi32_si128(24 - f.rounder.shift)));
      }
      m = _mm512_srl_epi64(m, shift);
    }
    m = _mm512_min_epu64(m, _mm512_set1_epi64(1 << 30));
    return _mm512_mask_sub_epi64(m, _mm512_movepi64_mask(v), _mm512_setzero_si512(), m);
  }

  template <Packing P, bool Analyse>
  static __m512i row_of(const Fixed& f, const float* values, int h, __m512i x, Positions& bits) {
    __m512 v = _mm512_load_ps(values);
    if (f.relu) v = _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(v, _mm512_setzero_ps(), _CMP_GT_OQ), v);
    const __m512i word = _mm512_castps_si512(v);
    const __m512i magnitude = _mm512_and_si512(word, _mm512_set1_epi32(0x7fffffff));
    if constexpr (Analyse) {
      const __m512i exponent = _mm512_srli_epi32(_mm512_sub_epi32(magnitude, _mm512_srli_epi32(word, 31)), 23);
      __m512i b = _mm512_sub_epi32(exponent, _mm512_set1_epi32(127 + isa::kHistogramOrigin));
      b = _mm512_min_epi32(_mm512_max_epi32(b, _mm512_setzero_si512()), _mm512_set1_epi32(isa::kHistogramBins - 1));
      const __mmask16 some = _mm512_mask_test_epi32_mask(f.mask[h], magnitude, magnitude);
      const __m512i one = _mm512_set1_epi32(1);  // shifted by 32 and more, negative counts included, it is gone
      *bits.low++ = _mm512_maskz_sllv_epi32(some, one, b);
      *bits.high++ = _mm512_maskz_sllv_epi32(some, one, _mm512_sub_epi32(b, _mm512_set1_epi32(32)));
    }
    if constexpr (P == Packing::kFp32) return word;
    // In units of the last place; what lies beyond every width, and NaN, is cut (min gives its second operand).
    const __m512 m = _mm512_min_ps(_mm512_mul_ps(_mm512_castsi512_ps(magnitude), f.scale), _mm512_set1_ps(0x1p20F));
    __m512i n;
    if constexpr (P == Packing::kNearestEven) {
      n = _mm512_cvtps_epi32(m);
    } else {
      n = _mm512_cvttps_epi32(m);
      if constexpr (P == Packing::kStochastic) {
        const __m512 rest = _mm512_sub_ps(m, _mm512_cvtepi32_ps(n));
        const __m512i fraction = _mm512_cvttps_epi32(_mm512_mul_ps(rest, _mm512_set1_ps(0x1p24F)));
        const __m512i sum = _mm512_add_epi32(fraction, _mm512_srli_epi32(random(f, h, x), 8));
        n = _mm512_add_epi32(n, _mm512_srli_epi32(sum, 24));
      }
    }
    return _mm512_mask_sub_epi32(n, _mm512_movepi32_mask(word), _mm512_setzero_si512(), n);
  }

  // Saturates, counts and writes the lanes of the mask.
  template <Packing P, bool Analyse>
  static void store(const Fixed& f, Tallies& tallies, __m512i n, int h, std::int64_t o) {
    if constexpr (P == Packing::kFp32) {
      _mm512_mask_storeu_epi32(f.memory + o * (4 * L) + 64 * h, f.mask[h], n);
      return;
    }
    if constexpr (Analyse) {
      tallies.empty = _mm512_mask_add_epi32(tallies.empty, _mm512_mask_testn_epi32_mask(f.mask[h], n, n), tallies.empty,
                                            _mm512_set1_epi32(1));
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
      _mm512_mask_storeu_epi16(f.memory + (o >> 1) * (4 * L) + 64 * h, static_cast<__mmask32>(f.half_mask[h] << sub), n);
    }
  }

  const Output& out_;
  Counts& counts_;
  int point_;
  Packing packing_;
  Fixed fixed_;
  std::uint64_t values_ = 0;
  bool bins_ = false;  // FP32: the bits are bins, the upper half in positions_high_; else they are positions + 1
  Tallies tallies_;
  BitCounts positions32_, positions_high_, positions64_;
};
