// Contractions on AVX2: up to kMostRows rows of 8 or 16 lanes stay in registers. Included inside the
// namespace of a kernel set.

template <class Vector, int H>
struct Lanes {  // 8 · H lanes of a row
  Vector part[H];
};
template <int H>
struct Avx2Kernels {
  using Ints = Lanes<__m256i, H>;
  using Floats = Lanes<__m256, H>;

  static ANZAN_INLINE __m256i load(const std::uint8_t* p) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
  }
  static ANZAN_INLINE __m256i load(const std::int32_t* p) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
  }
  static ANZAN_INLINE void store(std::int32_t* p, __m256i v) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), v);
  }
  // Bytes 0 and 2, or 1 and 3, of every word as 16-bit numbers.
  static ANZAN_INLINE __m256i even(__m256i v) { return _mm256_srai_epi16(_mm256_slli_epi16(v, 8), 8); }
  static ANZAN_INLINE __m256i odd(__m256i v) { return _mm256_srai_epi16(v, 8); }

  template <int R, class Accumulator>
  struct Kernel;

  template <int R>
  struct Kernel<R, std::int32_t> {
    static void run(std::int32_t* acc, std::int64_t pitch, const std::uint8_t* a, const std::uint8_t* b,
                    Steps steps, bool zero) {
      RowSums<Ints, R> sums;
      sums.each([](Ints& sum, int) ANZAN_FORCE {
        for (__m256i& part : sum.part) part = _mm256_setzero_si256();
      });
      for (const StepOffset *step = steps.first, *end = step + steps.count; step != end; ++step) {
        const std::int32_t* pa = reinterpret_cast<const std::int32_t*>(a + step->a);
        __m256i b_even[H], b_odd[H];
        for (int h = 0; h < H; ++h) {
          const __m256i vb = load(b + step->b + 32 * h);
          b_even[h] = even(vb);
          b_odd[h] = odd(vb);
        }
        sums.each([&](Ints& sum, int i) ANZAN_FORCE {
          const __m256i va = _mm256_set1_epi32(pa[i]), a_even = even(va), a_odd = odd(va);
          for (int h = 0; h < H; ++h)
            sum.part[h] = _mm256_add_epi32(sum.part[h], _mm256_add_epi32(_mm256_madd_epi16(a_even, b_even[h]),
                                                                         _mm256_madd_epi16(a_odd, b_odd[h])));
        });
      }
      sums.each([&](Ints& sum, int i) ANZAN_FORCE {
        for (int h = 0; h < H; ++h) {
          std::int32_t* p = acc + i * pitch + 8 * h;
          store(p, zero ? sum.part[h] : _mm256_add_epi32(sum.part[h], load(p)));
        }
      });
    }
  };

  template <int R>
  struct Kernel<R, float> {
    static void run(float* acc, std::int64_t pitch, const std::uint8_t* a, const std::uint8_t* b, Steps steps,
                    bool zero) {
      RowSums<Floats, R> sums;
      sums.each([&](Floats& sum, int i) ANZAN_FORCE {
        for (int h = 0; h < H; ++h)
          sum.part[h] = zero ? _mm256_setzero_ps() : _mm256_loadu_ps(acc + i * pitch + 8 * h);
      });
      for (const StepOffset *step = steps.first, *end = step + steps.count; step != end; ++step) {
        const float* pa = reinterpret_cast<const float*>(a + step->a);
        __m256 vb[H];
        for (int h = 0; h < H; ++h)
          vb[h] = _mm256_loadu_ps(reinterpret_cast<const float*>(b + step->b + 32 * h));
        sums.each([&](Floats& sum, int i) ANZAN_FORCE {
          const __m256 va = _mm256_set1_ps(pa[i]);
          for (int h = 0; h < H; ++h) sum.part[h] = _mm256_fmadd_ps(va, vb[h], sum.part[h]);
        });
      }
      sums.each([&](Floats& sum, int i) ANZAN_FORCE {
        for (int h = 0; h < H; ++h) _mm256_storeu_ps(acc + i * pitch + 8 * h, sum.part[h]);
      });
    }
  };

  template <int R>
  struct Kernel<R, std::int64_t> {
    // b = 256 · high + low with 0 <= low < 256: both sums of products fit 32 bits for kSteps steps.
    static constexpr std::int64_t kSteps = 128;
    static void run(std::int64_t* acc, std::int64_t pitch, const std::uint8_t* a, const std::uint8_t* b,
                    Steps steps, bool zero) {
      const StepOffset* step = steps.first;
      for (std::int64_t done = 0; done < steps.count; done += kSteps, zero = false) {
        RowSums<Ints, R> highs, lows;
        const auto clear = [](Ints& sum, int) ANZAN_FORCE {
          for (__m256i& part : sum.part) part = _mm256_setzero_si256();
        };
        highs.each(clear);
        lows.each(clear);
        const std::int64_t left = steps.count - done;
        for (const StepOffset* end = step + (left < kSteps ? left : kSteps); step != end; ++step) {
          const std::int32_t* pa = reinterpret_cast<const std::int32_t*>(a + step->a);
          __m256i b_high[H], b_low[H];
          for (int h = 0; h < H; ++h) {
            const __m256i vb = load(b + step->b + 32 * h);
            b_high[h] = _mm256_srai_epi16(vb, 8);
            b_low[h] = _mm256_and_si256(vb, _mm256_set1_epi16(0xff));
          }
          highs.each([&](Ints& sum, int i) ANZAN_FORCE {
            const __m256i va = _mm256_set1_epi32(pa[i]);
            for (int h = 0; h < H; ++h)
              sum.part[h] = _mm256_add_epi32(sum.part[h], _mm256_madd_epi16(va, b_high[h]));
          });
          lows.each([&](Ints& sum, int i) ANZAN_FORCE {
            const __m256i va = _mm256_set1_epi32(pa[i]);
            for (int h = 0; h < H; ++h)
              sum.part[h] = _mm256_add_epi32(sum.part[h], _mm256_madd_epi16(va, b_low[h]));
          });
        }
        alignas(32) std::int32_t high[R][8 * H], low[R][8 * H];
        highs.each([&](Ints& sum, int i) ANZAN_FORCE {
          for (int h = 0; h < H; ++h) store(high[i] + 8 * h, sum.part[h]);
        });
        lows.each([&](Ints& sum, int i) ANZAN_FORCE {
          for (int h = 0; h < H; ++h) store(low[i] + 8 * h, sum.part[h]);
        });
        for (int i = 0; i < R; ++i)
          for (int j = 0; j < 8 * H; ++j)
            acc[i * pitch + j] = (zero ? 0 : acc[i * pitch + j]) + 256 * std::int64_t{high[i][j]} + low[i][j];
      }
    }
  };
  // Rows that one kernel takes at once: as many as 16 registers hold.
  template <class Accumulator>
  static constexpr int kMostRows = std::is_same_v<Accumulator, std::int64_t> ? 3 : 6;
};

template <int L>
struct Avx2 : Portable<L> {
  template <class Accumulator>
  static void contract(Accumulator* acc, const std::uint8_t* a, const std::uint8_t* b, Steps steps, int rows,
                       bool zero) {
    constexpr int kHalves = L == 8 ? 1 : 2;
    using Kernels = Avx2Kernels<kHalves>;
    constexpr int kMost = Kernels::template kMostRows<Accumulator>;
    static constexpr RowTable<Kernels::template Kernel, Accumulator, kMost> kTable;
    for (int i = 0; i < rows; i += kMost)
      for (int j = 0; j < L; j += 8 * kHalves)
        kTable.of[rows - i < kMost ? rows - i : kMost](acc + i * L + j, L, a + 4 * i, b + 4 * j, steps, zero);
  }
};
