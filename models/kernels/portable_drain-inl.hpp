// Draining as plain loops over L lanes, which the compiler vectorises where it can. Included inside the
// namespace of a kernel set.

// Drains rows of wide values: ReLU, analysis, quantiser, packing. Each in a loop of its own, without branches
// on values.
template <int L>
class PortableDrain {
 public:
  PortableDrain(const Output& out, int point, Counts& counts)
      : out_(out), counts_(counts), point_(point), rounder_(out, point) {
    scale_ = __builtin_ldexpf(1.0F, out.q);
    unscale_ = __builtin_ldexpf(1.0F, -point);
  }
  // n rows of values; row k goes to row o[k], its random words start at index x[k].
  template <class Value>
  void rows(const Value* values, int n, const std::int64_t* o, const std::int64_t* x) {
    for (int k = 0; k < n; ++k) row(values + k * L, o[k], static_cast<std::uint32_t>(x[k]));
  }
  // The same for the rows of a tile.
  template <class Value>
  void tile(const Value* values, int n, std::int64_t o, std::uint32_t x, std::uint32_t row_stride) {
    for (int k = 0; k < n; ++k) row(values + k * L, o + k, x + static_cast<std::uint32_t>(k) * row_stride);
  }
  void finish() {
    for (int b = 0; b < isa::kHistogramBins; ++b) counts_.histogram[b] += bins_[b];
  }

 private:
  static constexpr int kNoBin = isa::kHistogramBins;  // where zeros are counted

  template <class Value>
  void row(const Value* values, std::int64_t o, std::uint32_t x) {
    alignas(64) Value v[L];
    alignas(64) std::int32_t n[L];
    for (int j = 0; j < L; ++j) v[j] = !out_.relu || values[j] > 0 ? values[j] : Value{0};
    const bool counts = out_.analyse && out_.rows == nullptr, hands_on = out_.analyse && !counts;
    if (counts) count_positions(v);
    if (out_.format == isa::Format::kFp32) {
      if (hands_on) hand_on(v, static_cast<const std::int32_t*>(nullptr));
      to_words(v, n);
      return store(n, o);
    }
    alignas(64) std::uint32_t random[L];
    switch (out_.rounding) {
      case isa::Rounding::kNearestEven:
        quantise<isa::Rounding::kNearestEven, L>(rounder_, scale_, v, random, n);
        break;
      case isa::Rounding::kStochastic:
        for (std::uint32_t j = 0; j < L; ++j) random[j] = mixed((x + j * out_.lane_stride) ^ out_.key) >> 8;
        quantise<isa::Rounding::kStochastic, L>(rounder_, scale_, v, random, n);
        break;
      case isa::Rounding::kTowardsZero:
        quantise<isa::Rounding::kTowardsZero, L>(rounder_, scale_, v, random, n);
        break;
    }
    if (counts) count_results(v, n);
    if (hands_on) hand_on(v, n);
    for (int j = 0; j < L; ++j)
      n[j] = n[j] > rounder_.high ? rounder_.high : n[j] < rounder_.low ? rounder_.low : n[j];
    store(n, o);
  }

  static int bin(int position) {
    const int b = position - isa::kHistogramOrigin;
    return b < 0 ? 0 : b >= isa::kHistogramBins ? isa::kHistogramBins - 1 : b;
  }
  template <class Integer>
  int bin_of(Integer v) const {
    const std::int64_t wide = v;
    const auto bits = static_cast<std::uint64_t>(wide ^ (wide >> 63));
    const int position = bits == 0 ? -1 : 63 - __builtin_clzll(bits);
    return wide == 0 ? kNoBin : bin(position - point_);
  }
  int bin_of(float v) const {
    const std::uint32_t bits = bits_of(v), magnitude = bits & 0x7fffffffU;
    return magnitude == 0 ? kNoBin : bin(static_cast<int>((magnitude - (bits >> 31)) >> 23) - 127);
  }
  template <class Value>
  void count_positions(const Value* v) {
    for (int j = out_.lane_first; j < out_.lane_first + out_.lane_count; ++j) {
      const int b = bin_of(v[j]);
      ++bins_[b];
      counts_.zeros += b == kNoBin;
    }
    counts_.values += static_cast<std::uint64_t>(out_.lane_count);
  }
  template <class Value>
  void count_results(const Value* v, const std::int32_t* n) {
    unsigned high = 0, low = 0, empty = 0;
    for (int j = out_.lane_first; j < out_.lane_first + out_.lane_count; ++j) {
      high += n[j] > rounder_.high;
      low += n[j] < rounder_.low;
      empty += n[j] == 0 && v[j] != 0;
    }
    counts_.saturated_high += high;
    counts_.saturated_low += low;
    counts_.underflows += empty;
  }

  // The row, as counted above, to whoever takes it; n is null where nothing was quantised.
  template <class Value>
  void hand_on(const Value* v, const std::int32_t* n) const {
    AnalysedRow row{};
    for (int j = out_.lane_first; j < out_.lane_first + out_.lane_count; ++j) {
      const int b = bin_of(v[j]);
      row.valid |= 1U << j;
      row.bin[j] = static_cast<std::uint8_t>(b % kNoBin);
      row.zero |= static_cast<std::uint32_t>(b == kNoBin) << j;
      if (n == nullptr) continue;
      row.saturated_high |= static_cast<std::uint32_t>(n[j] > rounder_.high) << j;
      row.saturated_low |= static_cast<std::uint32_t>(n[j] < rounder_.low) << j;
      row.underflow |= static_cast<std::uint32_t>(n[j] == 0 && v[j] != 0) << j;
    }
    out_.rows->take(out_.rows->self, row);
  }

  // FP32 output. Integers are rounded once, then scaled by the power of two.
  template <class Integer>
  void to_words(const Integer* v, std::int32_t* n) const {
    for (int j = 0; j < L; ++j)
      n[j] = static_cast<std::int32_t>(bits_of(static_cast<float>(v[j]) * unscale_));
  }
  void to_words(const float* v, std::int32_t* n) const { __builtin_memcpy(n, v, 4 * L); }

  void store(const std::int32_t* n, std::int64_t o) const {
    std::uint8_t* p = out_.memory + byte_of_row<L>(out_.format, o);
    const int first = out_.lane_first, last = out_.lane_first + out_.lane_count;
    switch (out_.format) {
      case isa::Format::kInt8:
        for (int j = first; j < last; ++j) p[4 * j] = static_cast<std::uint8_t>(n[j]);
        return;
      case isa::Format::kInt16:
        for (int j = first; j < last; ++j) __builtin_memcpy(p + 4 * j, n + j, 2);
        return;
      case isa::Format::kFp32:
        __builtin_memcpy(p + 4 * first, n + first, 4 * static_cast<std::size_t>(out_.lane_count));
        return;
    }
  }

  const Output& out_;
  Counts& counts_;
  int point_;
  Rounder rounder_;
  float scale_, unscale_;
  std::uint64_t bins_[isa::kHistogramBins + 1] = {};
};
