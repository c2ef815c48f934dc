// Sums over a fold on AVX-512, without a pass through memory for each position. Included inside the namespace
// of a kernel set.

// Whether a job adds up rows, or products of rows, of one format at one stride.
inline bool is_plain_fold(const VectorJob& job) {
  const bool product = job.op == isa::VectorOp::kMul;
  if (job.reduction != isa::Reduction::kAdd || job.fold.depth != 1 || job.fold_count < 2) return false;
  if (!product && job.op != isa::VectorOp::kCopy) return false;
  if (job.a.kind != isa::OperandKind::kRows) return false;
  return !product || (job.b.kind == isa::OperandKind::kRows && job.b.format == job.a.format);
}

// FP32: in the order of the positions, each product and each sum rounded. A NaN stays one until the end.
template <int L>
inline void fold_floats(const VectorJob& job, const std::int64_t* a, const std::int64_t* b, int n,
                        float* out) {
  const bool product = job.op == isa::VectorOp::kMul;
  for (int k = 0; k < n; ++k)
    for (int h = 0; h < L / 16; ++h) {
      const float* pa = reinterpret_cast<const float*>(job.a.memory) + a[k] * L + 16 * h;
      const float* pb = product ? reinterpret_cast<const float*>(job.b.memory) + b[k] * L + 16 * h : nullptr;
      const std::int64_t next_a = job.a.fold.stride[0] * L, next_b = job.b.fold.stride[0] * L;
      __m512 sum = product ? _mm512_mul_ps(_mm512_loadu_ps(pa), _mm512_loadu_ps(pb)) : _mm512_loadu_ps(pa);
      for (std::int64_t p = 1; p < job.fold_count; ++p) {
        pa += next_a;
        __m512 t = _mm512_loadu_ps(pa);
        if (product) t = _mm512_mul_ps(t, _mm512_loadu_ps(pb += next_b));
        sum = _mm512_add_ps(sum, t);
      }
      const __mmask16 number = _mm512_cmp_ps_mask(sum, sum, _CMP_ORD_Q);
      _mm512_store_ps(out + k * L + 16 * h, _mm512_mask_mov_ps(_mm512_set1_ps(float_of(kNan)), number, sum));
    }
}

// Bytes, four rows of a line at once: exact in integers, and in FP32 as long as all sums stay below 2^24.
class ByteSums {
 public:
  static constexpr std::int64_t kMostProducts = 1024;  // of 2^14 at most
  ByteSums() {
    for (__m512i& sum : sums_) sum = _mm512_setzero_si512();
  }
  ANZAN_INLINE void add(__m512i line) { add_halves(even(line), odd(line)); }
  ANZAN_INLINE void add_products(__m512i a, __m512i b) {
    add_halves(_mm512_mullo_epi16(even(a), even(b)), _mm512_mullo_epi16(odd(a), odd(b)));
  }
  __m512i of_row(int e) const { return sums_[e]; }

 private:
  static ANZAN_INLINE __m512i even(__m512i v) { return _mm512_srai_epi16(_mm512_slli_epi16(v, 8), 8); }
  static ANZAN_INLINE __m512i odd(__m512i v) { return _mm512_srai_epi16(v, 8); }
  ANZAN_INLINE void add_halves(__m512i rows_02, __m512i rows_13) {
    const __m512i low = _mm512_set1_epi32(1), high = _mm512_set1_epi32(1 << 16);
    sums_[0] = _mm512_dpwssd_epi32(sums_[0], rows_02, low);
    sums_[1] = _mm512_dpwssd_epi32(sums_[1], rows_13, low);
    sums_[2] = _mm512_dpwssd_epi32(sums_[2], rows_02, high);
    sums_[3] = _mm512_dpwssd_epi32(sums_[3], rows_13, high);
  }
  __m512i sums_[4];
};

// Bytes of two lines whose products are −0 in FP32.
inline __mmask64 negative_zeros(const std::uint8_t* a, const std::uint8_t* b) {
  const __m512i va = _mm512_loadu_si512(a), vb = _mm512_loadu_si512(b);
  return (_mm512_testn_epi8_mask(va, va) & _mm512_movepi8_mask(vb)) |
         (_mm512_testn_epi8_mask(vb, vb) & _mm512_movepi8_mask(va));
}

// False where the rows are no lines, or where a sum may be −0, as it is if all products are.
template <int L>
inline bool fold_bytes(const VectorJob& job, const std::int64_t* a, const std::int64_t* b, int n,
                       float* out) {
  const bool product = job.op == isa::VectorOp::kMul;
  if (n % 4 != 0 || job.fold_count > ByteSums::kMostProducts || job.a.fold.stride[0] % 4 != 0) return false;
  if (product && job.b.fold.stride[0] % 4 != 0) return false;
  const __m512 scale = _mm512_set1_ps(product ? job.a.scale * job.b.scale : job.a.scale);
  for (int k = 0; k < n; k += 4) {
    if (!is_line(a + k) || (product && !is_line(b + k))) return false;
    for (int h = 0; h < L / 16; ++h) {
      const std::uint8_t* pa = job.a.memory + a[k] * L + 64 * h;
      const std::uint8_t* pb = product ? job.b.memory + b[k] * L + 64 * h : nullptr;
      const __mmask64 minus = product ? negative_zeros(pa, pb) : 0;  // of the first
      ByteSums sums;
      for (std::int64_t p = 0; p < job.fold_count; ++p, pa += job.a.fold.stride[0] * L)
        if (product) {
          sums.add_products(_mm512_loadu_si512(pa), _mm512_loadu_si512(pb));
          pb += job.b.fold.stride[0] * L;
        } else {
          sums.add(_mm512_loadu_si512(pa));
        }
      for (int e = 0; e < 4; ++e) {
        const __m512i sum = sums.of_row(e);
        const __mmask16 zero = product ? _mm512_testn_epi32_mask(sum, sum) : 0;
        if (zero != 0 && (minus & _pdep_u64(zero, 0x1111111111111111U << e)) != 0) return false;
        _mm512_store_ps(out + (k + e) * L + 16 * h, _mm512_mul_ps(_mm512_cvtepi32_ps(sum), scale));
      }
    }
  }
  return true;
}

template <int L>
inline bool fold_sums(const VectorJob& job, const std::int64_t* a, const std::int64_t* b, int n, float* out) {
  if (!is_plain_fold(job)) return false;
  if (job.a.format == isa::Format::kInt8) return fold_bytes<L>(job, a, b, n, out);
  if (job.a.format != isa::Format::kFp32) return false;
  fold_floats<L>(job, a, b, n, out);
  return true;
}
