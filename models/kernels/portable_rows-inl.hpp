// The kernels' operations as plain loops over L lanes: what every processor can run, and what the compiler
// vectorises where it can. Included inside the namespace of a kernel set.

template <int L>
struct Portable {
  static constexpr int kLanes = L;
  using Drain = PortableDrain<L>;

  // Contractions of `rows` rows (word i of a line a is row i): acc += Σ over the steps, or = from zero.
  // int8: at most kInt8Steps steps, so that 32 bits are exact.
  static constexpr std::int64_t kInt8Steps = 32767;
  static void contract(std::int32_t* acc, const std::uint8_t* a, const std::uint8_t* b, Steps steps, int rows,
                       bool zero) {
    if (zero) __builtin_memset(acc, 0, static_cast<std::size_t>(rows) * L * sizeof *acc);
    for (std::int64_t s = 0; s < steps.count; ++s) {
      const std::int8_t* pa = reinterpret_cast<const std::int8_t*>(a + steps.first[s].a);
      std::int16_t pb[4][L];
      for (int j = 0; j < L; ++j) {
        std::uint32_t word;
        __builtin_memcpy(&word, b + steps.first[s].b + 4 * j, 4);
        for (int e = 0; e < 4; ++e) pb[e][j] = static_cast<std::int8_t>(word >> (8 * e));
      }
      for (int i = 0; i < rows; ++i)
        for (int j = 0; j < L; ++j)
          acc[i * L + j] += pa[4 * i] * pb[0][j] + pa[4 * i + 1] * pb[1][j] + pa[4 * i + 2] * pb[2][j] +
                            pa[4 * i + 3] * pb[3][j];
    }
  }
  static void contract(std::int64_t* acc, const std::uint8_t* a, const std::uint8_t* b, Steps steps, int rows,
                       bool zero) {
    if (zero) __builtin_memset(acc, 0, static_cast<std::size_t>(rows) * L * sizeof *acc);
    for (std::int64_t s = 0; s < steps.count; ++s) {
      std::int16_t pa[2 * L], pb[2 * L];
      __builtin_memcpy(pa, a + steps.first[s].a, static_cast<std::size_t>(rows) * 4);
      __builtin_memcpy(pb, b + steps.first[s].b, sizeof pb);
      for (int i = 0; i < rows; ++i)
        for (int j = 0; j < L; ++j)
          acc[i * L + j] += static_cast<std::int64_t>(pa[2 * i] * pb[2 * j]) + pa[2 * i + 1] * pb[2 * j + 1];
    }
  }
  static void contract(float* acc, const std::uint8_t* a, const std::uint8_t* b, Steps steps, int rows,
                       bool zero) {
    if (zero) __builtin_memset(acc, 0, static_cast<std::size_t>(rows) * L * sizeof *acc);
    for (std::int64_t s = 0; s < steps.count; ++s) {
      float pa[L], pb[L];
      __builtin_memcpy(pa, a + steps.first[s].a, static_cast<std::size_t>(rows) * 4);
      __builtin_memcpy(pb, b + steps.first[s].b, sizeof pb);
      for (int i = 0; i < rows; ++i)
        for (int j = 0; j < L; ++j) acc[i * L + j] = __builtin_fmaf(pa[i], pb[j], acc[i * L + j]);
    }
  }
  static void canonicalise(float* values, int n) {
    for (int k = 0; k < n; ++k) values[k] = canonical(values[k]);
  }

  // Rows at row addresses at[k] + offset as FP32: n · scale for integers, the bits for fp32. They are then at
  // what is returned: `out`, or their place in memory.
  static const float* load_rows(const Operand& operand, const std::int64_t* at, std::int64_t offset, int n,
                                float* out) {
    switch (operand.format) {
      case isa::Format::kInt8:
        load_rows_of<std::int8_t, isa::Format::kInt8>(operand, at, offset, n, out);
        break;
      case isa::Format::kInt16:
        load_rows_of<std::int16_t, isa::Format::kInt16>(operand, at, offset, n, out);
        break;
      case isa::Format::kFp32:
        for (int k = 0; k < n; ++k)
          __builtin_memcpy(out + k * L, operand.memory + (at[k] + offset) * (4 * L), 4 * L);
        break;
    }
    return out;
  }
  template <class Element, isa::Format F>
  static void load_rows_of(const Operand& operand, const std::int64_t* at, std::int64_t offset, int n,
                           float* out) {
    for (int k = 0; k < n; ++k) {
      const std::uint8_t* p = operand.memory + byte_of_row<L>(F, at[k] + offset);
      Element e[L];
      for (int j = 0; j < L; ++j) __builtin_memcpy(&e[j], p + 4 * j, sizeof(Element));
      for (int j = 0; j < L; ++j) out[k * L + j] = static_cast<float>(e[j]) * operand.scale;
    }
  }
  // One element for all lanes of a row, at element addresses at[k] + offset.
  static void load_broadcasts(const Operand& operand, const std::int64_t* at, std::int64_t offset, int n,
                              float* out) {
    for (int k = 0; k < n; ++k) {
      const std::int64_t element = at[k] + offset;
      const std::uint8_t* p =
          operand.memory + byte_of_row<L>(operand.format, element / L) + 4 * (element % L);
      std::uint32_t word = 0;
      std::int16_t half = 0;
      float v = 0;
      switch (operand.format) {
        case isa::Format::kInt8:
          v = static_cast<float>(static_cast<std::int8_t>(*p)) * operand.scale;
          break;
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

  // Whole blocks of n output rows, with operands and output at these row addresses: the gradient of ReLU, and
  // what a job folds. False where a set has no better way than one operation after another.
  static bool select_rows(const VectorJob&, const std::int64_t*, const std::int64_t*, const std::int64_t*,
                          int) {
    return false;
  }
  static bool fold_rows(const VectorJob&, const std::int64_t*, const std::int64_t*, int, float*) {
    return false;
  }

  // One row of `element` from source to destination.
  static void copy_row(isa::Format element, std::uint8_t* destination, const std::uint8_t* source) {
    if (element == isa::Format::kInt8)
      for (int j = 0; j < L; ++j) destination[4 * j] = source[4 * j];
    else
      for (int j = 0; j < L; ++j) __builtin_memcpy(destination + 4 * j, source + 4 * j, 2);
  }

  // A line to a place that will not be read soon; all of them are in memory after streamed().
  static void stream_line(std::uint8_t* destination, const std::uint8_t* source) {
    __builtin_memcpy(destination, source, 4 * L);
  }
  static void streamed() {}

  // Blocks that start at a line (`src` and `dst` are their bytes).
  static bool transpose_aligned(const TransposeJob&, std::uint8_t*, const std::uint8_t*) { return false; }
};
