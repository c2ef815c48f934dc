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
      case Packing::kFp32:
        return pack<Packing::kFp32>(values, n, place_of);
      case Packing::kNearestEven:
        return pack<Packing::kNearestEven>(values, n, place_of);
      case Packing::kStochastic:
        return pack<Packing::kStochastic>(values, n, place_of);
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
    BitCounts& low = std::is_same_v<Value, std::int64_t> ? positions64_ : positions32_;
    Positions bits{low.room(), positions_high_.room()};
    const Positions first = bits;
    for (int k = 0; k < n; ++k)
      for (int h = 0; h < kHalves; ++h) {
        const __m512i x = _mm512_set1_epi32(static_cast<int>(place_of.x(k)));
        const __m512i row = quantised_row<P, Analyse>(f, values + k * L + 16 * h, h, x, bits);
        store_row<P, Analyse>(f, tallies, row, h, place_of.o(k));
      }
    if constexpr (!Analyse) return;
    tallies_ = tallies;
    low.written(static_cast<int>(bits.low - first.low));
    if constexpr (std::is_same_v<Value, float>)
      positions_high_.written(static_cast<int>(bits.high - first.high));
    values_ += static_cast<std::uint64_t>(n) * static_cast<std::uint64_t>(out_.lane_count);
    if (std::is_same_v<Value, float>) bins_ = true;
  }

  const Output& out_;
  Counts& counts_;
  int point_;
  Packing packing_;
  Fixed<L> fixed_;
  std::uint64_t values_ = 0;
  bool bins_ =
      false;  // FP32: the bits are bins, the upper half in positions_high_; else they are positions + 1
  Tallies tallies_;
  BitCounts positions32_, positions_high_, positions64_;
};
