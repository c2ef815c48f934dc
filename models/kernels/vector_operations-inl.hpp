// What the vector unit does to words: operations and folds. Included inside the namespace of a kernel set.

// t[k] = op(a[k], b[k], c[k]) for `words` words.
template <class F>
inline void map_words(float* t, int words, F f) {
  for (int k = 0; k < words; ++k) t[k] = f(k);
}
inline std::int32_t rounded_to_int(float v) {
  if (!(v >= -0x1p31F && v < 0x1p31F)) return INT32_MIN;
  return static_cast<std::int32_t>(__builtin_rintf(v));
}
inline float value_of_int(float bits) {
  std::int32_t n;
  __builtin_memcpy(&n, &bits, 4);
  return static_cast<float>(n);
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
    case isa::VectorOp::kCopy:
      __builtin_memcpy(t, a, static_cast<std::size_t>(words) * 4);
      return;
    case isa::VectorOp::kAdd:
      return map_words(t, words, [&](int k) { return canonical(a[k] + b[k]); });
    case isa::VectorOp::kSub:
      return map_words(t, words, [&](int k) { return canonical(a[k] - b[k]); });
    case isa::VectorOp::kMul:
      return map_words(t, words, [&](int k) { return canonical(a[k] * b[k]); });
    case isa::VectorOp::kFma:
      return map_words(t, words, [&](int k) { return canonical(__builtin_fmaf(a[k], b[k], c[k])); });
    case isa::VectorOp::kFnma:
      return map_words(t, words, [&](int k) { return canonical(__builtin_fmaf(-a[k], b[k], c[k])); });
    case isa::VectorOp::kMax:
      return map_words(t, words, [&](int k) { return a[k] > b[k] ? a[k] : b[k]; });
    case isa::VectorOp::kMin:
      return map_words(t, words, [&](int k) { return a[k] < b[k] ? a[k] : b[k]; });
    case isa::VectorOp::kSelectEq:
      return map_words(t, words, [&](int k) { return a[k] == b[k] ? c[k] : 0.0F; });
    case isa::VectorOp::kSelectGt:
      return map_words(t, words, [&](int k) { return a[k] > b[k] ? c[k] : 0.0F; });
    case isa::VectorOp::kF2i:
      for (int k = 0; k < words; ++k) {
        const std::int32_t n = rounded_to_int(a[k]);
        __builtin_memcpy(t + k, &n, 4);
      }
      return;
    case isa::VectorOp::kI2f:
      return map_words(t, words, [&](int k) { return value_of_int(a[k]); });
    case isa::VectorOp::kIadd:
      return ints([](Word u, Word v) { return u + v; });
    case isa::VectorOp::kIsub:
      return ints([](Word u, Word v) { return u - v; });
    case isa::VectorOp::kIand:
      return ints([](Word u, Word v) { return u & v; });
    case isa::VectorOp::kIshl:
      return ints([](Word u, Word v) { return u << (v & 31); });
    case isa::VectorOp::kIshr:
      return ints([](Word u, Word v) { return static_cast<Word>(static_cast<std::int32_t>(u) >> (v & 31)); });
    case isa::VectorOp::kRandom:
      return;
    case isa::VectorOp::kUadd:
      return ints([](Word u, Word v) { return u + v < u ? ~Word{0} : u + v; });
  }
}

// Folds rows of t, which have position `position` in their folds, into acc; `best` holds the largest t for
// argmax.
inline void fold_rows(isa::Reduction reduction, float* __restrict acc, float* __restrict best,
                      const float* __restrict t, std::int64_t position, int words) {
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
