// Draining on AVX-512: ReLU, analysis, quantiser and packing of 16 lanes at once. Included inside the
// namespace of a kernel set.

template <int L>
class Avx512Drain {
 public:
  Avx512Drain(const Output& out, int point, Counts& counts)
      : out_(out), counts_(counts), point_(point), fixed_(out, point) {
    packing_ = out.format == isa::Format::kFp32              ? Packing::kFp32
               : out.rounding == isa::Rounding::kNearestEven ? Packing::kNearestEven
               : out.rounding == isa::Rounding::kStochastic  ? Packing::kStochastic
                                                             : Packing::kTowardsZero;
  }

  // At most kMostRows rows of aligned values.
  static constexpr int kMostRows = 32;
  template <class Value>
  void rows(const Value* values, int n, const std::int64_t* o, const std::int64_t* x) {
    place(values, n, ListedRows{o, x, are_lines(o, n)});
  }
  template <class Value>
  void tile(const Value* values, int n, std::int64_t o, std::uint32_t x, std::uint32_t row_stride) {
    place(values, n, TileRows{o, x, row_stride});
  }

  void finish() {
    if (fixed_.streams) _mm_sfence();
    if (!out_.analyse || values_ == 0) return;
    std::uint64_t counts[64] = {};
    places_.finish(counts, origin_);
    counts[0] -= tallies_.zeros;
    counts[63] -= unseen_;
    for (int b = 0; b < 64; ++b)
      if (counts[b] != 0) bin(origin_ != 0 ? b + isa::kHistogramOrigin : b - 1 - point_, counts[b]);
    counts_.values += values_;
    counts_.zeros += tallies_.zeros;
    if (packing_ == Packing::kFp32) return;
    counts_.saturated_high += tallies_.high;
    counts_.saturated_low += tallies_.low;
    counts_.underflows += tallies_.empty - tallies_.zeros;
  }

 private:
  static constexpr int kHalves = L / 16;
  static constexpr int kFloatOrigin = 127 + isa::kHistogramOrigin;  // the exponent in the lowest bin

  void bin(int position, std::uint64_t n) {
    const int b = position - isa::kHistogramOrigin;
    counts_.histogram[b < 0 ? 0 : b >= isa::kHistogramBins ? isa::kHistogramBins - 1 : b] += n;
  }

  template <class Value, class Place>
  void place(const Value* values, int n, const Place& place_of) {
    switch (packing_) {
      case Packing::kFp32:
        return pack<Packing::kFp32>(values, n, place_of);
      case Packing::kNearestEven:
        return pack<Packing::kNearestEven>(values, n, place_of);
      case Packing::kStochastic:
        if (std::is_same_v<Value, float> && fixed_.bytes) return pack<Packing::kShort>(values, n, place_of);
        return pack<Packing::kStochastic>(values, n, place_of);
      case Packing::kShort:
        return;
      case Packing::kTowardsZero:
        return pack<Packing::kTowardsZero>(values, n, place_of);
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
      _mm512_store_si512(
          wide + k, _mm512_cvtepi32_epi64(_mm256_load_si256(reinterpret_cast<const __m256i*>(values + k))));
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
    const Fixed<L> f = fixed_;
    Tallies tallies = tallies_;
    const Block<Value, Place> block{values, place_of, places_.room()};
    int k = 0;
    for (; k + 4 <= n; k += 4) {
      for (int h = 0; h < kHalves; ++h) four_rows<P, Analyse>(f, tallies, block, h, k);
    }
    for (; k < n; ++k)
      for (int h = 0; h < kHalves; ++h) one_row<P, Analyse>(f, tallies, block, h, k);
    if constexpr (!Analyse) return;
    tallies_ = tallies;
    origin_ = std::is_same_v<Value, float> ? kFloatOrigin : 0;
    places_.written(n * L, origin_);
    values_ += static_cast<std::uint64_t>(n) * static_cast<std::uint64_t>(out_.lane_count);
    unseen_ += static_cast<std::uint64_t>(n) * static_cast<std::uint64_t>(L - out_.lane_count);
  }
  // Rows that are drained together: their values, where they go, and their places where they are counted.
  template <class Value, class Place>
  struct Block {
    const Value* values;
    const Place& to;
    std::uint8_t* places;
  };
  template <Packing P, bool Analyse, class Value, class Place>
  static ANZAN_INLINE void one_row(const Fixed<L>& f, Tallies& tallies, const Block<Value, Place>& block,
                                   int h, int k) {
    Seen seen;
    const __m512i x = _mm512_set1_epi32(static_cast<int>(block.to.x(k)));
    const __m512i row = quantised_row<P, Analyse>(f, block.values + k * L + 16 * h, h, x, seen);
    store_row<P, Analyse>(f, tallies, row, h, block.to.o(k));
    if constexpr (!Analyse) return;
    tallies.zeros += static_cast<unsigned>(__builtin_popcount(seen.zero));
    const __m128i places =
        _mm512_mask_cvtepi32_epi8(_mm_set1_epi8(-1), f.mask[h], seen.place);  // none where masked
    _mm_storeu_si128(reinterpret_cast<__m128i*>(block.places + k * L + 16 * h), places);
  }
  // Rows k to k + 3, which may be a line of bytes.
  template <Packing P, bool Analyse, class Value, class Place>
  static ANZAN_INLINE void four_rows(const Fixed<L>& f, Tallies& tallies, const Block<Value, Place>& block,
                                     int h, int k) {
    __m512i row[4];
    Seen seen[4];
#pragma GCC unroll 4
    for (int e = 0; e < 4; ++e) {
      const __m512i x = _mm512_set1_epi32(static_cast<int>(block.to.x(k + e)));
      row[e] = quantised_row<P, Analyse>(f, block.values + (k + e) * L + 16 * h, h, x, seen[e]);
    }
    if (P != Packing::kFp32 && f.bytes && block.to.four(k))
      store_line<Analyse>(f, tallies, row, h, block.to.o(k));
    else
      for (int e = 0; e < 4; ++e) store_row<P, Analyse>(f, tallies, row[e], h, block.to.o(k + e));
    if constexpr (!Analyse) return;
    tallies.zeros += static_cast<unsigned>(__builtin_popcountll(_mm512_kunpackd(
        _mm512_kunpackw(seen[3].zero, seen[2].zero), _mm512_kunpackw(seen[1].zero, seen[0].zero))));
    const __m512i half = _mm512_ternarylogic_epi32(_mm512_slli_epi32(seen[1].place, 8), seen[0].place,
                                                   _mm512_slli_epi32(seen[2].place, 16), 0xfe);
    const __m512i places = _mm512_or_si512(half, _mm512_slli_epi32(seen[3].place, 24));
    _mm512_storeu_si512(block.places + k * L + 64 * h,
                        _mm512_mask_mov_epi8(_mm512_set1_epi8(-1), f.byte_mask[h] * 15, places));
  }

  const Output& out_;
  Counts& counts_;
  int point_;
  Packing packing_;
  Fixed<L> fixed_;
  std::uint64_t values_ = 0, unseen_ = 0;  // in the lanes of the mask, and beside them
  int origin_ = 0;                         // FP32: places are exponents; else they are positions + 1
  Tallies tallies_;
  PlaceCounts places_;
};
