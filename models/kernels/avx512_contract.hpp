// Contractions on AVX-512 with VNNI: R rows of accumulators stay in registers, a line of b is loaded once a step, the
// words of a are broadcast from memory. Included inside the namespace of a kernel set.

// Pieces of rows, each with its own instance; `acc` has rows of `pitch` values.
template <int R, class Accumulator>
struct RowKernel;

template <int R>
struct RowKernel<R, std::int32_t> {
  // VNNI multiplies unsigned by signed bytes: b is taken as b + 128, and 128 · Σ a is taken off at the end. All of it
  // modulo 2^32, so that only the true sum has to fit.
  static void run(std::int32_t* acc, std::int64_t pitch, const std::uint8_t* a, const std::uint8_t* b,
                  const StepOffset* steps, std::int64_t n, bool zero) {
    __m512i sum[R], extra = _mm512_setzero_si512();
    for (int i = 0; i < R; ++i) sum[i] = zero ? extra : _mm512_loadu_si512(acc + i * pitch);
    const __m512i flip = _mm512_set1_epi8(-128);
    constexpr __mmask16 kRows = static_cast<__mmask16>((1U << R) - 1U);
    for (std::int64_t s = 0; s < n; ++s) {
      const std::int32_t* pa = reinterpret_cast<const std::int32_t*>(a + steps[s].a);
      const __m512i vb = _mm512_xor_si512(_mm512_loadu_si512(b + steps[s].b), flip);
      extra = _mm512_dpbusd_epi32(extra, flip, _mm512_maskz_loadu_epi32(kRows, pa));
#pragma GCC unroll 16
      for (int i = 0; i < R; ++i) sum[i] = _mm512_dpbusd_epi32(sum[i], vb, _mm512_set1_epi32(pa[i]));
    }
    alignas(64) std::int32_t corrections[16];
    _mm512_store_si512(corrections, extra);
    for (int i = 0; i < R; ++i)
      _mm512_storeu_si512(acc + i * pitch, _mm512_sub_epi32(sum[i], _mm512_set1_epi32(corrections[i])));
  }
};

template <int R>
struct RowKernel<R, float> {
  static void run(float* acc, std::int64_t pitch, const std::uint8_t* a, const std::uint8_t* b, const StepOffset* steps,
                  std::int64_t n, bool zero) {
    __m512 sum[R];
    for (int i = 0; i < R; ++i) sum[i] = zero ? _mm512_setzero_ps() : _mm512_loadu_ps(acc + i * pitch);
    for (std::int64_t s = 0; s < n; ++s) {
      const float* pa = reinterpret_cast<const float*>(a + steps[s].a);
      const __m512 vb = _mm512_loadu_ps(b + steps[s].b);
#pragma GCC unroll 16
      for (int i = 0; i < R; ++i) sum[i] = _mm512_fmadd_ps(_mm512_set1_ps(pa[i]), vb, sum[i]);
    }
    for (int i = 0; i < R; ++i) _mm512_storeu_ps(acc + i * pitch, sum[i]);
  }
};

template <int R>
struct RowKernel<R, std::int64_t> {
  // b = 256 · high + low with 0 <= low < 256: both sums of products fit 32 bits for kSteps steps.
  static constexpr std::int64_t kSteps = 128;
  static void run(std::int64_t* acc, std::int64_t pitch, const std::uint8_t* a, const std::uint8_t* b,
                  const StepOffset* steps, std::int64_t n, bool zero) {
    const __m512i low_byte = _mm512_set1_epi16(0xff);
    for (std::int64_t done = 0; done < n; done += kSteps, zero = false) {
      const std::int64_t end = n - done < kSteps ? n : done + kSteps;
      __m512i high[R], low[R];
      for (int i = 0; i < R; ++i) high[i] = low[i] = _mm512_setzero_si512();
      for (std::int64_t s = done; s < end; ++s) {
        const std::int32_t* pa = reinterpret_cast<const std::int32_t*>(a + steps[s].a);
        const __m512i vb = _mm512_loadu_si512(b + steps[s].b);
        const __m512i b_high = _mm512_srai_epi16(vb, 8), b_low = _mm512_and_si512(vb, low_byte);
#pragma GCC unroll 16
        for (int i = 0; i < R; ++i) {
          const __m512i va = _mm512_set1_epi32(pa[i]);
          high[i] = _mm512_dpwssd_epi32(high[i], va, b_high);
          low[i] = _mm512_dpwssd_epi32(low[i], va, b_low);
        }
      }
      for (int i = 0; i < R; ++i)
        for (int half = 0; half < 2; ++half) {
          std::int64_t* p = acc + i * pitch + 8 * half;
          const __m512i h = _mm512_cvtepi32_epi64(part(high[i], half)), l = _mm512_cvtepi32_epi64(part(low[i], half));
          __m512i sum = _mm512_add_epi64(_mm512_slli_epi64(h, 8), l);
          if (!zero) sum = _mm512_add_epi64(sum, _mm512_loadu_si512(p));
          _mm512_storeu_si512(p, sum);
        }
    }
  }
  static __m256i part(__m512i v, int half) {
    return half == 0 ? _mm512_castsi512_si256(v) : _mm512_extracti64x4_epi64(v, 1);
  }
};

template <class Accumulator>
using RowFunction = void (*)(Accumulator*, std::int64_t, const std::uint8_t*, const std::uint8_t*, const StepOffset*,
                             std::int64_t, bool);

// Kernels for 1 to N rows.
template <class Accumulator, int N>
struct RowTable {
  RowFunction<Accumulator> of[N + 1] = {};
  constexpr RowTable() { fill<1>(); }

 private:
  template <int R>
  constexpr void fill() {
    of[R] = RowKernel<R, Accumulator>::run;
    if constexpr (R < N) fill<R + 1>();
  }
};

// Rows that one kernel takes at once: as many as the registers hold.
template <class Accumulator>
constexpr int kMostRows = std::is_same_v<Accumulator, std::int64_t> ? 8 : 16;

template <int L, class Accumulator>
inline void contract_blocks(Accumulator* acc, const std::uint8_t* a, const std::uint8_t* b, const StepOffset* steps,
                            std::int64_t n, int rows, bool zero) {
  constexpr int kMost = kMostRows<Accumulator>;
  static constexpr RowTable<Accumulator, kMost> kTable;
  for (int i = 0; i < rows; i += kMost)
    for (int j = 0; j < L; j += 16)
      kTable.of[rows - i < kMost ? rows - i : kMost](acc + i * L + j, L, a + 4 * i, b + 4 * j, steps, n, zero);
}
