// Contractions on AVX-512 with VNNI: R rows of accumulators stay in registers, a line of b is loaded once a
// step, the words of a are broadcast from memory. Included inside the namespace of a kernel set.

// The instructions that matter are written out: the compiler would load each broadcast separately and copy
// each accumulator before it adds to it.
ANZAN_INLINE void add_products_int8(__m512i& sum, __m512i unsigned_b, const std::int32_t* a) {
  __asm__("vpdpbusd %2%{1to16%}, %1, %0" : "+v"(sum) : "v"(unsigned_b), "m"(*a));
}
ANZAN_INLINE void add_products_int16(__m512i& sum, __m512i b, const std::int32_t* a) {
  __asm__("vpdpwssd %2%{1to16%}, %1, %0" : "+v"(sum) : "v"(b), "m"(*a));
}
ANZAN_INLINE void add_products_fp32(__m512& sum, __m512 b, const float* a) {
  __asm__("vfmadd231ps %2%{1to16%}, %1, %0" : "+v"(sum) : "v"(b), "m"(*a));
}

// One instance for each number of rows; `acc` has rows of `pitch` values.
template <int R, class Accumulator>
struct RowKernel;

template <int R>
struct RowKernel<R, std::int32_t> {
  // VNNI multiplies unsigned by signed bytes: b is taken as b + 128, and 128 · Σ a is taken off at the end.
  // All of it modulo 2^32, so that only the true sum has to fit.
  static void run(std::int32_t* acc, std::int64_t pitch, const std::uint8_t* a, const std::uint8_t* b,
                  Steps steps, bool zero) {
    RowSums<__m512i, R> sums;
    __m512i extra = _mm512_setzero_si512();
    sums.each([](__m512i& sum, int) ANZAN_FORCE { sum = _mm512_setzero_si512(); });
    const __m512i flip = _mm512_set1_epi8(-128);
    constexpr __mmask16 kRows = static_cast<__mmask16>((1U << R) - 1U);
    each_step(steps.first, steps.count, [&](const StepOffset& step) ANZAN_FORCE {
      const std::int32_t* pa = reinterpret_cast<const std::int32_t*>(a + step.a);
      const __m512i vb = _mm512_xor_si512(_mm512_loadu_si512(b + step.b), flip);
      extra = _mm512_dpbusd_epi32(extra, flip, _mm512_maskz_loadu_epi32(kRows, pa));
      sums.each([&](__m512i& sum, int i) ANZAN_FORCE { add_products_int8(sum, vb, pa + i); });
    });
    alignas(64) std::int32_t corrections[16];
    _mm512_store_si512(corrections, extra);
    sums.each([&](__m512i& sum, int i) ANZAN_FORCE {
      sum = _mm512_sub_epi32(sum, _mm512_set1_epi32(corrections[i]));
      if (!zero) sum = _mm512_add_epi32(sum, _mm512_loadu_si512(acc + i * pitch));
      _mm512_storeu_si512(acc + i * pitch, sum);
    });
  }
};

template <int R>
struct RowKernel<R, float> {
  static void run(float* acc, std::int64_t pitch, const std::uint8_t* a, const std::uint8_t* b, Steps steps,
                  bool zero) {
    RowSums<__m512, R> sums;
    if (zero)
      sums.each([](__m512& sum, int) ANZAN_FORCE { sum = _mm512_setzero_ps(); });
    else
      sums.each([&](__m512& sum, int i) ANZAN_FORCE { sum = _mm512_loadu_ps(acc + i * pitch); });
    each_step(steps.first, steps.count, [&](const StepOffset& step) ANZAN_FORCE {
      const float* pa = reinterpret_cast<const float*>(a + step.a);
      const __m512 vb = _mm512_loadu_ps(b + step.b);
      sums.each([&](__m512& sum, int i) ANZAN_FORCE { add_products_fp32(sum, vb, pa + i); });
    });
    sums.each([&](__m512& sum, int i) ANZAN_FORCE { _mm512_storeu_ps(acc + i * pitch, sum); });
  }
};

template <int R>
struct RowKernel<R, std::int64_t> {
  // b = 256 · high + low with 0 <= low < 256: both sums of products fit 32 bits for kSteps steps.
  static constexpr std::int64_t kSteps = 128;
  static void run(std::int64_t* acc, std::int64_t pitch, const std::uint8_t* a, const std::uint8_t* b,
                  Steps steps, bool zero) {
    const __m512i low_byte = _mm512_set1_epi16(0xff);
    for (std::int64_t done = 0; done < steps.count; done += kSteps, zero = false) {
      RowSums<__m512i, R> high, low;
      high.each([](__m512i& sum, int) ANZAN_FORCE { sum = _mm512_setzero_si512(); });
      low.each([](__m512i& sum, int) ANZAN_FORCE { sum = _mm512_setzero_si512(); });
      const std::int64_t left = steps.count - done, count = left < kSteps ? left : kSteps;
      each_step(steps.first + done, count, [&](const StepOffset& step) ANZAN_FORCE {
        const std::int32_t* pa = reinterpret_cast<const std::int32_t*>(a + step.a);
        const __m512i vb = _mm512_loadu_si512(b + step.b);
        const __m512i b_high = _mm512_srai_epi16(vb, 8), b_low = _mm512_and_si512(vb, low_byte);
        high.each([&](__m512i& sum, int i) ANZAN_FORCE { add_products_int16(sum, b_high, pa + i); });
        low.each([&](__m512i& sum, int i) ANZAN_FORCE { add_products_int16(sum, b_low, pa + i); });
      });
      alignas(64) std::int32_t highs[R][16], lows[R][16];
      high.each([&](__m512i& sum, int i) ANZAN_FORCE { _mm512_store_si512(highs[i], sum); });
      low.each([&](__m512i& sum, int i) ANZAN_FORCE { _mm512_store_si512(lows[i], sum); });
      for (int i = 0; i < R; ++i)
        for (int j = 0; j < 16; j += 8) {
          const __m512i h =
              _mm512_cvtepi32_epi64(_mm256_load_si256(reinterpret_cast<const __m256i*>(highs[i] + j)));
          const __m512i l =
              _mm512_cvtepi32_epi64(_mm256_load_si256(reinterpret_cast<const __m256i*>(lows[i] + j)));
          __m512i sum = _mm512_add_epi64(_mm512_slli_epi64(h, 8), l);
          if (!zero) sum = _mm512_add_epi64(sum, _mm512_loadu_si512(acc + i * pitch + j));
          _mm512_storeu_si512(acc + i * pitch + j, sum);
        }
    }
  }
};

// Rows that one kernel takes at once: as many as the registers hold.
template <class Accumulator>
constexpr int kMostRows = std::is_same_v<Accumulator, std::int64_t> ? 8 : 16;

template <int L, class Accumulator>
inline void contract_blocks(Accumulator* acc, const std::uint8_t* a, const std::uint8_t* b, Steps steps,
                            int rows, bool zero) {
  constexpr int kMost = kMostRows<Accumulator>;
  static constexpr RowTable<RowKernel, Accumulator, kMost> kTable;
  for (int i = 0; i < rows; i += kMost)
    for (int j = 0; j < L; j += 16)
      kTable.of[rows - i < kMost ? rows - i : kMost](acc + i * L + j, L, a + 4 * i, b + 4 * j, steps, zero);
}
