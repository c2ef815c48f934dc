// Runs a job's iterations with the operations of a kernel set. Included inside the namespace of a kernel set.

// int8 accumulates in 32 bits where that is exact, then in 64.
template <class Ops, class Accumulator>
class Tiles {
 public:
  static constexpr int L = Ops::kLanes;

  Tiles(const TensorJob& job, Counts& counts) : job_(job), drain_(job.output, job.point, counts) {}
  void run(std::int64_t first, std::int64_t last) {
    const Stream* const streams[] = {&job_.a, &job_.b, &job_.c, &job_.o, &job_.x};
    Walk<5> walk(job_.outer, streams, first);
    const std::int64_t a_first = 4 * job_.row_first;
    for (std::int64_t tile = first; tile < last; ++tile) {
      bool zero = job_.init == isa::Init::kZero;
      if (!zero) start(job_.memory + walk.at(2));
      accumulate(job_.memory + walk.at(0) + a_first, job_.memory + walk.at(1), zero);
      finish(walk.at(3), static_cast<std::uint32_t>(walk.at(4)));
      walk.advance(1);
    }
    drain_.finish();
  }

 private:
  static constexpr bool kFloat = std::is_same_v<Accumulator, float>;

  // The FP32 word or the integer of the line(s) at c.
  void start(const std::uint8_t* c) {
    for (int i = 0; i < job_.row_count; ++i)
      for (int j = 0; j < L; ++j) {
        Accumulator& acc = acc_[i * L + j];
        if (job_.init == isa::Init::kBias) {
          float bias;
          __builtin_memcpy(&bias, c + 4 * (job_.row_first + i), 4);
          if constexpr (kFloat)
            acc = bias;
          else
            acc = static_cast<Accumulator>(bias_of(bias));
        } else if constexpr (kFloat) {
          __builtin_memcpy(&acc, c + ((job_.row_first + i) * L + j) * 4, 4);
        } else {
          std::uint32_t low, high;
          __builtin_memcpy(&low, c + (2 * (job_.row_first + i) * L + j) * 4, 4);
          __builtin_memcpy(&high, c + ((2 * (job_.row_first + i) + 1) * L + j) * 4, 4);
          acc = static_cast<Accumulator>((static_cast<std::uint64_t>(high) << 32) | low);
        }
      }
  }
  // Round-to-nearest-even(bias · 2^point), clamped to ±2^46; NaN goes to the limit of its sign.
  std::int64_t bias_of(float bias) const {
    constexpr double kLimit = 0x1p46;
    const std::uint32_t bits = bits_of(bias);
    double v = static_cast<double>(bias) * __builtin_ldexp(1.0, job_.point);
    if (!(v < kLimit)) v = kLimit;
    if (v < -kLimit) v = -kLimit;
    if (bias != bias) v = (bits >> 31) != 0 ? -kLimit : kLimit;
    return static_cast<std::int64_t>(__builtin_rint(v));
  }
  void accumulate(const std::uint8_t* a, const std::uint8_t* b, bool zero) {
    if (job_.repeat.depth == 1 && job_.repeat.count[0] == 1) return contract(a, b, zero);
    const Stream* const streams[] = {&job_.repeat_a, &job_.repeat_b};
    Walk<2> walk(job_.repeat, streams, 0);
    std::int64_t times = 1;
    for (int k = 0; k < job_.repeat.depth; ++k) times *= job_.repeat.count[k];
    for (std::int64_t t = 0; t < times; ++t, walk.advance(1)) contract(a + walk.at(0), b + walk.at(1), zero && t == 0);
  }
  void contract(const std::uint8_t* a, const std::uint8_t* b, bool zero) {
    if constexpr (std::is_same_v<Accumulator, std::int64_t>) {
      if (job_.format == isa::Format::kInt8) return contract_wide(a, b, zero);
    }
    Ops::contract(acc_, a, b, job_.steps, job_.step_count, job_.row_count, zero);
  }
  void contract_wide(const std::uint8_t* a, const std::uint8_t* b, bool zero) {
    alignas(64) std::int32_t part[L * L];
    for (std::int64_t s = 0; s < job_.step_count; s += Ops::kInt8Steps) {
      const std::int64_t left = job_.step_count - s;
      Ops::contract(part, a, b, job_.steps + s, left < Ops::kInt8Steps ? left : Ops::kInt8Steps, job_.row_count, true);
      for (int k = 0; k < job_.row_count * L; ++k) acc_[k] = static_cast<Accumulator>((zero && s == 0 ? 0 : acc_[k]) + part[k]);
    }
  }
  void finish(std::int64_t o, std::uint32_t x) {
    if constexpr (kFloat) Ops::canonicalise(acc_, job_.row_count * L);
    if (job_.spill) return spill(o);
    const auto first = static_cast<std::uint32_t>(job_.row_first);
    drain_.tile(acc_, job_.row_count, o + job_.row_first, x + first * job_.row_stride, job_.row_stride);
  }
  void spill(std::int64_t o) {
    std::uint8_t* line = job_.output.memory + o * (4 * L);
    for (int i = 0; i < job_.row_count; ++i) {
      if constexpr (kFloat) {
        __builtin_memcpy(line + (job_.row_first + i) * (4 * L), acc_ + i * L, 4 * L);
      } else {
        for (int j = 0; j < L; ++j) {
          const auto bits = static_cast<std::uint64_t>(static_cast<std::int64_t>(acc_[i * L + j]));
          const std::uint32_t low = static_cast<std::uint32_t>(bits), high = static_cast<std::uint32_t>(bits >> 32);
          __builtin_memcpy(line + (2 * (job_.row_first + i) * L + j) * 4, &low, 4);
          __builtin_memcpy(line + ((2 * (job_.row_first + i) + 1) * L + j) * 4, &high, 4);
        }
      }
    }
  }

  const TensorJob& job_;
  typename Ops::Drain drain_;
  alignas(64) Accumulator acc_[L * L];
};

template <class Ops>
void run_tensor(const TensorJob& job, std::int64_t first, std::int64_t last, Counts& counts) {
  if (first >= last) return;
  const bool short_sum = job.init == isa::Init::kZero && job.repeat.depth == 1 && job.repeat.count[0] == 1 &&
                         job.step_count <= Ops::kInt8Steps;
  if (job.format == isa::Format::kFp32)
    Tiles<Ops, float>(job, counts).run(first, last);
  else if (job.format == isa::Format::kInt8 && short_sum)
    Tiles<Ops, std::int32_t>(job, counts).run(first, last);
  else
    Tiles<Ops, std::int64_t>(job, counts).run(first, last);
}

// t[k] = op(a[k], b[k], c[k]) for `words` words.
template <class F>
inline void map_words(float* t, int words, F f) {
  for (int k = 0; k < words; ++k) t[k] = f(k);
}
inline std::int32_t rounded_to_int(float v) {
  if (!(v >= -0x1p31F && v < 0x1p31F)) return INT32_MIN;
  return static_cast<std::int32_t>(__builtin_rintf(v));
}
__attribute__((noinline)) inline void apply(isa::VectorOp op, float* __restrict t, const float* __restrict a,
                                            const float* __restrict b, const float* __restrict c, int words) {
  const auto ints = [&](auto f) {
    for (int k = 0; k < words; ++k) {
      std::uint32_t ia, ib;
      __builtin_memcpy(&ia, a + k, 4);
      __builtin_memcpy(&ib, b + k, 4);
      const std::uint32_t it = f(ia, ib);
      __builtin_memcpy(t + k, &it, 4);
    }
  };
  using Word = std::uint32_t;
  switch (op) {
    case isa::VectorOp::kCopy: __builtin_memcpy(t, a, static_cast<std::size_t>(words) * 4); return;
    case isa::VectorOp::kAdd: return map_words(t, words, [&](int k) { return canonical(a[k] + b[k]); });
    case isa::VectorOp::kSub: return map_words(t, words, [&](int k) { return canonical(a[k] - b[k]); });
    case isa::VectorOp::kMul: return map_words(t, words, [&](int k) { return canonical(a[k] * b[k]); });
    case isa::VectorOp::kFma:
      return map_words(t, words, [&](int k) { return canonical(__builtin_fmaf(a[k], b[k], c[k])); });
    case isa::VectorOp::kFnma:
      return map_words(t, words, [&](int k) { return canonical(__builtin_fmaf(-a[k], b[k], c[k])); });
    case isa::VectorOp::kMax: return map_words(t, words, [&](int k) { return a[k] > b[k] ? a[k] : b[k]; });
    case isa::VectorOp::kMin: return map_words(t, words, [&](int k) { return a[k] < b[k] ? a[k] : b[k]; });
    case isa::VectorOp::kSelectEq: return map_words(t, words, [&](int k) { return a[k] == b[k] ? c[k] : 0.0F; });
    case isa::VectorOp::kSelectGt: return map_words(t, words, [&](int k) { return a[k] > b[k] ? c[k] : 0.0F; });
    case isa::VectorOp::kF2i:
      for (int k = 0; k < words; ++k) {
        const std::int32_t n = rounded_to_int(a[k]);
        __builtin_memcpy(t + k, &n, 4);
      }
      return;
    case isa::VectorOp::kI2f:
      for (int k = 0; k < words; ++k) {
        std::int32_t n;
        __builtin_memcpy(&n, a + k, 4);
        t[k] = static_cast<float>(n);
      }
      return;
    case isa::VectorOp::kIadd: return ints([](Word u, Word v) { return u + v; });
    case isa::VectorOp::kIsub: return ints([](Word u, Word v) { return u - v; });
    case isa::VectorOp::kIand: return ints([](Word u, Word v) { return u & v; });
    case isa::VectorOp::kIshl: return ints([](Word u, Word v) { return u << (v & 31); });
    case isa::VectorOp::kIshr:
      return ints([](Word u, Word v) { return static_cast<Word>(static_cast<std::int32_t>(u) >> (v & 31)); });
    case isa::VectorOp::kRandom: return;
  }
}

// Folds rows of t, which have position `position` in their folds, into acc; `best` holds the largest t for argmax.
inline void fold_rows(isa::Reduction reduction, float* __restrict acc, float* __restrict best, const float* __restrict t,
                      std::int64_t position, int words) {
  const float here = static_cast<float>(position);
  if (position == 0) {
    const bool argmax = reduction == isa::Reduction::kArgmax;
    __builtin_memcpy(argmax ? best : acc, t, static_cast<std::size_t>(words) * 4);
    if (argmax) __builtin_memset(acc, 0, static_cast<std::size_t>(words) * 4);
    return;
  }
  switch (reduction) {
    case isa::Reduction::kAdd:
      for (int j = 0; j < words; ++j) acc[j] = canonical(acc[j] + t[j]);
      return;
    case isa::Reduction::kMax:
      for (int j = 0; j < words; ++j) acc[j] = t[j] > acc[j] ? t[j] : acc[j];
      return;
    case isa::Reduction::kMin:
      for (int j = 0; j < words; ++j) acc[j] = t[j] < acc[j] ? t[j] : acc[j];
      return;
    case isa::Reduction::kArgmax:
      for (int j = 0; j < words; ++j) {
        acc[j] = t[j] > best[j] ? here : acc[j];
        best[j] = t[j] > best[j] ? t[j] : best[j];
      }
      return;
    case isa::Reduction::kNone:
      return;
  }
}

// Works on blocks of output rows: for each position of the fold, operands become FP32 rows, then the operation, the
// fold; at last the drain.
template <class Ops>
class Rows {
 public:
  static constexpr int L = Ops::kLanes;

  Rows(const VectorJob& job, std::int64_t most_rows, Counts& counts)
      : job_(job), drain_(job.output, 0, counts), operands_{&job.a, &job.b, &job.c} {
    const int block = static_cast<int>(most_rows < kBlockRows ? most_rows : kBlockRows);
    for (int i = 0; i < 3; ++i) {
      if (operands_[i]->kind != isa::OperandKind::kScalar) continue;
      const float value = float_of(operands_[i]->bits);
      for (int k = 0; k < block * L; ++k) __builtin_memcpy(rows_[i] + k, &value, 4);
    }
  }
  void run(std::int64_t first, std::int64_t last) {
    const Stream* const streams[] = {&job_.a.at, &job_.b.at, &job_.c.at, &job_.o, &job_.x};
    const Stream* const folds[] = {&job_.a.fold, &job_.b.fold, &job_.c.fold};
    Lister<5> rows(job_.outer, job_.table, streams, first);
    std::int64_t* const lists[] = {at_[0], at_[1], at_[2], o_, x_};
    const bool folded = job_.fold_count > 1 || job_.reduction == isa::Reduction::kArgmax;
    for (std::int64_t done = first; done < last;) {
      const int n = static_cast<int>(last - done < kBlockRows ? last - done : kBlockRows);
      rows.list(n, lists);
      Walk<3> fold(job_.fold, folds, 0);
      for (std::int64_t position = 0; position < job_.fold_count; ++position) {
        const float* t = compute(fold, n);
        fold.advance(1);
        if (folded)
          fold_rows(job_.reduction, folded_, best_, t, position, n * L);
        else
          drain_.rows(t, n, o_, x_);
      }
      if (folded) drain_.rows(folded_, n, o_, x_);
      done += n;
    }
    drain_.finish();
  }

 private:
  // t of n output rows at one position of the fold.
  const float* compute(const Walk<3>& fold, int n) {
    for (int i = 0; i < 3; ++i) {
      if (operands_[i]->kind == isa::OperandKind::kRows) Ops::load_rows(*operands_[i], at_[i], fold.at(i), n, rows_[i]);
      if (operands_[i]->kind == isa::OperandKind::kBroadcast)
        Ops::load_broadcasts(*operands_[i], at_[i], fold.at(i), n, rows_[i]);
    }
    if (job_.op == isa::VectorOp::kCopy) return rows_[0];
    if (job_.op == isa::VectorOp::kRandom)
      randoms(n);
    else
      apply(job_.op, t_, rows_[0], rows_[1], rows_[2], n * L);
    return t_;
  }
  void randoms(int n) {
    for (int k = 0; k < n; ++k) {
      const auto x = static_cast<std::uint32_t>(x_[k]);
      for (std::uint32_t j = 0; j < L; ++j)
        t_[static_cast<std::uint32_t>(k) * L + j] =
            static_cast<float>(mixed((x + j * job_.output.lane_stride) ^ job_.output.key) >> 8) * 0x1p-24F;
    }
  }

  const VectorJob& job_;
  typename Ops::Drain drain_;
  const Operand* const operands_[3];
  std::int64_t at_[3][kBlockRows], o_[kBlockRows], x_[kBlockRows];
  alignas(64) float rows_[3][kBlockRows * L];
  alignas(64) float t_[kBlockRows * L];
  alignas(64) float folded_[kBlockRows * L];
  alignas(64) float best_[kBlockRows * L];
};

template <class Ops>
void run_vector(const VectorJob& job, std::int64_t first, std::int64_t last, Counts& counts) {
  if (first < last) Rows<Ops>(job, last - first, counts).run(first, last);
}

template <class Ops>
void run_copy(const CopyJob& job, std::int64_t first, std::int64_t last) {
  constexpr int L = Ops::kLanes;
  constexpr std::int64_t kLine = 4 * L;
  const Stream* const streams[] = {&job.src, &job.dst};
  if (first >= last) return;
  if (job.element == isa::Format::kFp32 && job.table.loops == 0) {  // long runs
    Walk<2> walk(job.nest, streams, first);
    for (std::int64_t done = first; done < last;) {
      const std::int64_t run = walk.run(last - done), src = walk.stride(0) * kLine, dst = walk.stride(1) * kLine;
      const std::uint8_t* source = job.source + walk.at(0) * kLine;
      std::uint8_t* destination = job.destination + walk.at(1) * kLine;
      if (src == kLine && dst == kLine)
        __builtin_memcpy(destination, source, static_cast<std::size_t>(run * kLine));
      else
        for (std::int64_t k = 0; k < run; ++k) __builtin_memcpy(destination + k * dst, source + k * src, kLine);
      walk.advance(run);
      done += run;
    }
    return;
  }
  constexpr int kBlock = 128;
  std::int64_t src[kBlock], dst[kBlock];
  std::int64_t* const lists[] = {src, dst};
  Lister<2> rows(job.nest, job.table, streams, first);
  for (std::int64_t done = first; done < last; done += kBlock) {
    const int n = static_cast<int>(last - done < kBlock ? last - done : kBlock);
    rows.list(n, lists);
    if (job.element == isa::Format::kFp32)
      for (int k = 0; k < n; ++k)
        __builtin_memcpy(job.destination + dst[k] * kLine, job.source + src[k] * kLine, kLine);
    else
      for (int k = 0; k < n; ++k)
        Ops::copy_row(job.element, job.destination + byte_of_row<L>(job.element, dst[k]),
                      job.source + byte_of_row<L>(job.element, src[k]));
  }
}

// Any alignment: element by element, by way of a block that the destination is written from.
template <int L, class Element>
void transpose_elements(const TransposeJob& job, std::int64_t src, std::int64_t dst) {
  Element block[L][L];
  for (int r = 0; r < L; ++r)
    for (int c = 0; c < L; ++c) {
      block[c][r] = 0;
      if (r < job.src_rows && c < job.src_lanes)
        __builtin_memcpy(&block[c][r], job.memory + byte_of_row<L>(job.element, src + r) + 4 * c, sizeof(Element));
    }
  for (int c = 0; c < job.dst_rows; ++c)
    for (int r = 0; r < L; ++r)
      __builtin_memcpy(job.memory + byte_of_row<L>(job.element, dst + c) + 4 * r, &block[c][r], sizeof(Element));
}

template <class Ops>
void run_transpose(const TransposeJob& job, std::int64_t first, std::int64_t last) {
  constexpr int L = Ops::kLanes;
  const Stream* const streams[] = {&job.src, &job.dst};
  if (first >= last) return;
  Walk<2> walk(job.nest, streams, first);
  const std::int64_t rows = (std::int64_t{1} << element_shift(job.element)) - 1;
  for (std::int64_t done = first; done < last; ++done, walk.advance(1)) {
    const std::int64_t src = walk.at(0), dst = walk.at(1);
    if (((src | dst) & rows) == 0 &&
        Ops::transpose_aligned(job, job.memory + byte_of_row<L>(job.element, dst),
                               job.memory + byte_of_row<L>(job.element, src)))
      continue;
    switch (job.element) {
      case isa::Format::kInt8: transpose_elements<L, std::uint8_t>(job, src, dst); break;
      case isa::Format::kInt16: transpose_elements<L, std::uint16_t>(job, src, dst); break;
      case isa::Format::kFp32: transpose_elements<L, std::uint32_t>(job, src, dst); break;
    }
  }
}

template <class Ops>
constexpr KernelSet set_of(const char* name) {
  return {name, Ops::kLanes, run_tensor<Ops>, run_vector<Ops>, run_copy<Ops>, run_transpose<Ops>};
}
