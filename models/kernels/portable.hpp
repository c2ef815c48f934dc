// The kernels' operations as plain loops over L lanes: what every processor can run, and what the compiler
// vectorises where it can. Included inside the namespace of a kernel set.

constexpr std::uint32_t kNan = 0x7fc00000U;  // what every arithmetic operation makes of a NaN
constexpr int kBlockRows = 32;               // rows of the vector unit that are worked on at once

inline std::uint32_t bits_of(float v) {
  std::uint32_t bits;
  __builtin_memcpy(&bits, &v, 4);
  return bits;
}
inline float float_of(std::uint32_t bits) {
  float v;
  __builtin_memcpy(&v, &bits, 4);
  return v;
}
inline float canonical(float v) { return v == v ? v : float_of(kNan); }

inline std::uint32_t mixed(std::uint32_t x) {
  x ^= x >> 16;
  x *= 0x7feb352dU;
  x ^= x >> 15;
  x *= 0x846ca68bU;
  return x ^ (x >> 16);
}

constexpr int element_shift(isa::Format f) {  // log2 of the elements in a word
  return f == isa::Format::kInt8 ? 2 : f == isa::Format::kInt16 ? 1 : 0;
}
template <int L>
inline std::int64_t byte_of_row(isa::Format f, std::int64_t row) {
  const int shift = element_shift(f);
  return (row >> shift) * (4 * L) + ((row & ((1 << shift) - 1)) << (2 - shift));
}

// What quantising is for one instruction: n = (magnitude + addend) >> shift, saturated.
struct Rounder {
  isa::Rounding rounding;
  int shift = 0, left = 0, drop = 0;  // right shift; or left shift; bits dropped before the shift
  std::uint64_t nearest = 0;          // half − 1
  std::int32_t low = 0, high = 0;

  // From accumulators at `point`.
  Rounder(const Output& out, int point) : rounding(out.rounding) {
    const int distance = point - out.q;
    constexpr int kMost = 62;
    shift = distance < 1 ? 0 : distance > kMost ? kMost : distance;
    left = distance < 0 ? (distance < -40 ? 40 : -distance) : 0;
    drop = distance > kMost ? (distance - kMost > 63 ? 63 : distance - kMost) : 0;
    nearest = shift == 0 ? 0 : (std::uint64_t{1} << (shift - 1)) - 1;
    high = (1 << (out.width - 1)) - 1;
    low = -high - 1;
  }
  std::uint64_t addend(std::uint64_t magnitude, std::uint32_t random) const {
    if (shift == 0) return 0;
    if (rounding == isa::Rounding::kNearestEven) return nearest + ((magnitude >> shift) & 1);
    if (rounding == isa::Rounding::kTowardsZero) return 0;
    const std::uint64_t r = random >> 8;
    return shift >= 24 ? r << (shift - 24) : r >> (24 - shift);
  }
  // Before saturation; magnitudes beyond every width are cut.
  std::int64_t operator()(std::int64_t v, std::uint32_t random) const {
    std::uint64_t m = v < 0 ? 0 - static_cast<std::uint64_t>(v) : static_cast<std::uint64_t>(v);
    if (left > 0) {
      m = (m < (1U << 20) ? m : (1U << 20)) << left;
    } else {
      m >>= drop;
      m = (m + addend(m, random)) >> shift;
    }
    return v < 0 ? -static_cast<std::int64_t>(m) : static_cast<std::int64_t>(m);
  }
};

// Drains rows of wide values: ReLU, analysis, quantiser, packing.
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
  void finish() {}

 private:
  std::uint32_t random(std::uint32_t x, int lane) const {
    return mixed((x + static_cast<std::uint32_t>(lane) * out_.lane_stride) ^ out_.key);
  }
  void count(bool zero, int position) {
    ++counts_.values;
    if (zero) {
      ++counts_.zeros;
      return;
    }
    const int bin = position - isa::kHistogramOrigin;
    ++counts_.histogram[bin < 0 ? 0 : bin >= isa::kHistogramBins ? isa::kHistogramBins - 1 : bin];
  }
  std::int32_t saturated(std::int64_t n, bool zero) {
    const bool high = n > rounder_.high, low = n < rounder_.low;
    if (out_.analyse) {
      counts_.saturated_high += high;
      counts_.saturated_low += low;
      counts_.underflows += n == 0 && !zero;
    }
    return static_cast<std::int32_t>(high ? rounder_.high : low ? rounder_.low : n);
  }
  void store(std::int64_t o, int lane, std::int32_t n) const {
    std::uint8_t* p = out_.memory + byte_of_row<L>(out_.format, o) + 4 * lane;
    __builtin_memcpy(p, &n, out_.format == isa::Format::kInt8 ? 1 : out_.format == isa::Format::kInt16 ? 2 : 4);
  }
  template <class Integer>
  void row(const Integer* values, std::int64_t o, std::uint32_t x) {
    for (int j = out_.lane_first; j < out_.lane_first + out_.lane_count; ++j) {
      std::int64_t v = values[j];
      if (out_.relu && v < 0) v = 0;
      if (out_.analyse) count(v == 0, 63 - leading_zeros(v < 0 ? ~v : v) - point_);
      if (out_.format == isa::Format::kFp32) {
        store(o, j, static_cast<std::int32_t>(bits_of(static_cast<float>(v) * unscale_)));
      } else {
        const bool stochastic = out_.rounding == isa::Rounding::kStochastic;
        store(o, j, saturated(rounder_(v, stochastic ? random(x, j) : 0), v == 0));
      }
    }
  }
  static int leading_zeros(std::int64_t v) { return v == 0 ? 64 : __builtin_clzll(static_cast<std::uint64_t>(v)); }
  void row(const float* values, std::int64_t o, std::uint32_t x) {
    for (int j = out_.lane_first; j < out_.lane_first + out_.lane_count; ++j) {
      float v = values[j];
      if (out_.relu) v = v > 0 ? v : 0.0F;
      const std::uint32_t bits = bits_of(v), magnitude = bits & 0x7fffffffU, sign = bits >> 31;
      if (out_.analyse) count(magnitude == 0, static_cast<int>((magnitude - (magnitude > 0 ? sign : 0)) >> 23) - 127);
      if (out_.format == isa::Format::kFp32) {
        store(o, j, static_cast<std::int32_t>(bits));
      } else {
        const bool stochastic = out_.rounding == isa::Rounding::kStochastic;
        const std::int64_t n = quantised(float_of(magnitude) * scale_, stochastic ? random(x, j) : 0);
        store(o, j, saturated(sign != 0 ? -n : n, magnitude == 0));
      }
    }
  }
  // Of a magnitude in units of the output's last place. What lies beyond every width, and NaN, is cut.
  std::int64_t quantised(float m, std::uint32_t random_word) const {
    m = m < 0x1p20F ? m : 0x1p20F;
    const std::int32_t n = static_cast<std::int32_t>(m);
    const float rest = m - static_cast<float>(n);
    switch (out_.rounding) {
      case isa::Rounding::kNearestEven:
        return n + (rest > 0.5F || (rest == 0.5F && (n & 1) != 0) ? 1 : 0);
      case isa::Rounding::kStochastic:
        return n + ((static_cast<std::int32_t>(rest * 0x1p24F) + static_cast<std::int32_t>(random_word >> 8)) >> 24);
      case isa::Rounding::kTowardsZero:
        break;
    }
    return n;
  }

  const Output& out_;
  Counts& counts_;
  int point_;
  Rounder rounder_;
  float scale_, unscale_;
};

template <int L>
struct Portable {
  static constexpr int kLanes = L;
  using Drain = PortableDrain<L>;

  // Contractions of `rows` rows (word i of a line a is row i): acc += Σ over n steps, or = from zero.
  // int8: at most kInt8Steps steps, so that 32 bits are exact.
  static constexpr std::int64_t kInt8Steps = 32767;
  static void contract(std::int32_t* acc, const std::uint8_t* a, const std::uint8_t* b, const StepOffset* steps,
                       std::int64_t n, int rows, bool zero) {
    if (zero) __builtin_memset(acc, 0, static_cast<std::size_t>(rows) * L * sizeof *acc);
    for (std::int64_t s = 0; s < n; ++s) {
      const std::int8_t* pa = reinterpret_cast<const std::int8_t*>(a + steps[s].a);
      std::int16_t pb[4][L];
      for (int j = 0; j < L; ++j) {
        std::uint32_t word;
        __builtin_memcpy(&word, b + steps[s].b + 4 * j, 4);
        for (int e = 0; e < 4; ++e) pb[e][j] = static_cast<std::int8_t>(word >> (8 * e));
      }
      for (int i = 0; i < rows; ++i)
        for (int j = 0; j < L; ++j)
          acc[i * L + j] += pa[4 * i] * pb[0][j] + pa[4 * i + 1] * pb[1][j] + pa[4 * i + 2] * pb[2][j] +
                            pa[4 * i + 3] * pb[3][j];
    }
  }
  static void contract(std::int64_t* acc, const std::uint8_t* a, const std::uint8_t* b, const StepOffset* steps,
                       std::int64_t n, int rows, bool zero) {
    if (zero) __builtin_memset(acc, 0, static_cast<std::size_t>(rows) * L * sizeof *acc);
    for (std::int64_t s = 0; s < n; ++s) {
      std::int16_t pa[2 * L], pb[2 * L];
      __builtin_memcpy(pa, a + steps[s].a, static_cast<std::size_t>(rows) * 4);
      __builtin_memcpy(pb, b + steps[s].b, sizeof pb);
      for (int i = 0; i < rows; ++i)
        for (int j = 0; j < L; ++j)
          acc[i * L + j] += static_cast<std::int64_t>(pa[2 * i] * pb[2 * j]) + pa[2 * i + 1] * pb[2 * j + 1];
    }
  }
  static void contract(float* acc, const std::uint8_t* a, const std::uint8_t* b, const StepOffset* steps,
                       std::int64_t n, int rows, bool zero) {
    if (zero) __builtin_memset(acc, 0, static_cast<std::size_t>(rows) * L * sizeof *acc);
    for (std::int64_t s = 0; s < n; ++s) {
      float pa[L], pb[L];
      __builtin_memcpy(pa, a + steps[s].a, static_cast<std::size_t>(rows) * 4);
      __builtin_memcpy(pb, b + steps[s].b, sizeof pb);
      for (int i = 0; i < rows; ++i)
        for (int j = 0; j < L; ++j) acc[i * L + j] = __builtin_fmaf(pa[i], pb[j], acc[i * L + j]);
    }
  }
  static void canonicalise(float* values, int n) {
    for (int k = 0; k < n; ++k) values[k] = canonical(values[k]);
  }

  // Rows at row addresses at[k] + offset as FP32: n · scale for integers, the bits for fp32.
  static void load_rows(const Operand& operand, const std::int64_t* at, std::int64_t offset, int n, float* out) {
    switch (operand.format) {
      case isa::Format::kInt8: return load_rows_of<std::int8_t, isa::Format::kInt8>(operand, at, offset, n, out);
      case isa::Format::kInt16: return load_rows_of<std::int16_t, isa::Format::kInt16>(operand, at, offset, n, out);
      case isa::Format::kFp32: break;
    }
    for (int k = 0; k < n; ++k) __builtin_memcpy(out + k * L, operand.memory + (at[k] + offset) * (4 * L), 4 * L);
  }
  template <class Element, isa::Format F>
  static void load_rows_of(const Operand& operand, const std::int64_t* at, std::int64_t offset, int n, float* out) {
    for (int k = 0; k < n; ++k) {
      const std::uint8_t* p = operand.memory + byte_of_row<L>(F, at[k] + offset);
      Element e[L];
      for (int j = 0; j < L; ++j) __builtin_memcpy(&e[j], p + 4 * j, sizeof(Element));
      for (int j = 0; j < L; ++j) out[k * L + j] = static_cast<float>(e[j]) * operand.scale;
    }
  }
  // One element for all lanes of a row, at element addresses at[k] + offset.
  static void load_broadcasts(const Operand& operand, const std::int64_t* at, std::int64_t offset, int n, float* out) {
    for (int k = 0; k < n; ++k) {
      const std::int64_t element = at[k] + offset;
      const std::uint8_t* p = operand.memory + byte_of_row<L>(operand.format, element / L) + 4 * (element % L);
      std::uint32_t word = 0;
      std::int16_t half = 0;
      float v = 0;
      switch (operand.format) {
        case isa::Format::kInt8: v = static_cast<float>(static_cast<std::int8_t>(*p)) * operand.scale; break;
        case isa::Format::kInt16:
          __builtin_memcpy(&half, p, 2);
          v = static_cast<float>(half) * operand.scale;
          break;
        case isa::Format::kFp32:
          __builtin_memcpy(&word, p, 4);
          v = float_of(word);
          break;
      }
      for (int j = 0; j < L; ++j) __builtin_memcpy(out + k * L + j, &v, 4);
    }
  }

  // One row of `element` from source to destination.
  static void copy_row(isa::Format element, std::uint8_t* destination, const std::uint8_t* source) {
    if (element == isa::Format::kInt8)
      for (int j = 0; j < L; ++j) destination[4 * j] = source[4 * j];
    else
      for (int j = 0; j < L; ++j) __builtin_memcpy(destination + 4 * j, source + 4 * j, 2);
  }

  // Blocks that start at a line (`src` and `dst` are their bytes).
  static bool transpose_aligned(const TransposeJob&, std::uint8_t*, const std::uint8_t*) { return false; }
};
