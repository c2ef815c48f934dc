// Reading, copying and transposing rows on AVX-512. Included inside the namespace of a kernel set.

template <int L>
struct Avx512 : Portable<L> {
  using Drain = Avx512Drain<L>;
  static constexpr int kHalves = L / 16;

  template <class Accumulator>
  static void contract(Accumulator* acc, const std::uint8_t* a, const std::uint8_t* b, Steps steps, int rows,
                       bool zero) {
    contract_blocks<L>(acc, a, b, steps, rows, zero);
  }

  static const float* load_rows(const Operand& operand, const std::int64_t* at, std::int64_t offset, int n,
                                float* out) {
    switch (operand.format) {
      case isa::Format::kInt8:
        load_bytes(operand, at, offset, n, out);
        return out;
      case isa::Format::kInt16:
        for (int k = 0; k < n; ++k) load_integers<2>(operand, at[k] + offset, out + k * L);
        return out;
      case isa::Format::kFp32:
        break;
    }
    const std::uint8_t* memory = operand.memory + offset * (4 * L);
    if (in_turn(at, n)) return reinterpret_cast<const float*>(memory + at[0] * (4 * L));
    for (int k = 0; k < n; ++k)
      for (int h = 0; h < kHalves; ++h)
        _mm512_store_si512(out + k * L + 16 * h, _mm512_loadu_si512(memory + at[k] * (4 * L) + 64 * h));
    return out;
  }
  // One of E elements in a word: it is shifted to the top and down again.
  template <int E>
  static ANZAN_INLINE void load_integers(const Operand& operand, std::int64_t row, float* out) {
    constexpr int kBits = 32 / E, kShift = E == 4 ? 2 : 1;
    const __m512 scale = _mm512_set1_ps(operand.scale);
    const __m128i up = _mm_cvtsi64_si128((32 - kBits) - kBits * (row & (E - 1)));
    for (int h = 0; h < kHalves; ++h) {
      const __m512i line = _mm512_loadu_si512(operand.memory + (row >> kShift) * (4 * L) + 64 * h);
      const __m512i element = _mm512_srai_epi32(_mm512_sll_epi32(line, up), 32 - kBits);
      _mm512_store_ps(out + 16 * h, _mm512_mul_ps(_mm512_cvtepi32_ps(element), scale));
    }
  }
  static void load_bytes(const Operand& operand, const std::int64_t* at, std::int64_t offset, int n,
                         float* out) {
    const __m512 scale = _mm512_set1_ps(operand.scale);
    const auto place = [&](__m512i element, float* to) ANZAN_FORCE {
      _mm512_store_ps(to, _mm512_mul_ps(_mm512_cvtepi32_ps(element), scale));
    };
    const bool lines = offset % 4 == 0 && are_lines(at, n);
    for (int k = 0; k < n;) {
      const std::int64_t row = at[k] + offset;
      if (k + 4 > n || !(lines || (offset % 4 == 0 && is_line(at + k)))) {
        load_integers<4>(operand, row, out + k * L);
        ++k;
        continue;
      }
      for (int h = 0; h < kHalves; ++h) {  // the rows of a line
        const __m512i line = _mm512_loadu_si512(operand.memory + row * L + 64 * h);
        float* const to = out + k * L + 16 * h;
        place(_mm512_srai_epi32(_mm512_slli_epi32(line, 24), 24), to);
        place(_mm512_srai_epi32(_mm512_slli_epi32(line, 16), 24), to + L);
        place(_mm512_srai_epi32(_mm512_slli_epi32(line, 8), 24), to + 2 * L);
        place(_mm512_srai_epi32(line, 24), to + 3 * L);
      }
      k += 4;
    }
  }
  static void load_broadcasts(const Operand& operand, const std::int64_t* at, std::int64_t offset, int n,
                              float* out) {
    if (operand.format != isa::Format::kFp32)
      return Portable<L>::load_broadcasts(operand, at, offset, n, out);
    const float* elements = reinterpret_cast<const float*>(operand.memory) + offset;
    for (int k = 0; k < n; ++k)
      for (int h = 0; h < kHalves; ++h)
        _mm512_store_ps(out + k * L + 16 * h, _mm512_set1_ps(elements[at[k]]));
  }

  static bool select_rows(const VectorJob& job, const std::int64_t* a, const std::int64_t* c,
                          const std::int64_t* o, int n) {
    return select_bytes<L>(job, a, c, o, n);
  }
  static bool fold_rows(const VectorJob& job, const std::int64_t* a, const std::int64_t* b, int n,
                        float* out) {
    return fold_sums<L>(job, a, b, n, out);
  }

  // A row of sub-elements: the words turn until the element stands where it goes, and only its bytes are
  // written.
  static void copy_row(isa::Format element, std::uint8_t* destination, const std::uint8_t* source) {
    const bool bytes = element == isa::Format::kInt8;
    const auto from = reinterpret_cast<std::uintptr_t>(source) & 3,
               to = reinterpret_cast<std::uintptr_t>(destination) & 3;
    const __m512i turn = _mm512_set1_epi32(static_cast<int>(8 * (to - from)));
    const std::uint64_t mask = (bytes ? 0x1111111111111111U : 0x3333333333333333U) << to;
    for (int h = 0; h < kHalves; ++h) {
      const __m512i line = _mm512_loadu_si512(source - from + 64 * h);
      _mm512_mask_storeu_epi8(destination - to + 64 * h, mask, _mm512_rolv_epi32(line, turn));
    }
  }

  // Memories begin at a multiple of 64 bytes, and so do lines.
  static ANZAN_INLINE void stream_line(std::uint8_t* destination, const std::uint8_t* source) {
    for (int h = 0; h < kHalves; ++h)
      _mm512_stream_si512(reinterpret_cast<__m512i*>(destination + 64 * h),
                          _mm512_loadu_si512(source + 64 * h));
  }
  static void streamed() { _mm_sfence(); }

  // A block is a matrix of 16-byte pieces (int16: 8-byte, fp32: 4-byte) with square pieces of elements in
  // them: the pieces change places and each is transposed in itself.
  static bool transpose_aligned(const TransposeJob& job, std::uint8_t* dst, const std::uint8_t* src) {
    if constexpr (L != 16) {
      return false;
    } else {
      if (job.src_rows == L && job.src_lanes == L && job.dst_rows == L) {
        transpose_whole(job.element, dst, src);
        return true;
      }
      const int rows_a_line = 1 << element_shift(job.element);
      const int lines = L / rows_a_line;
      __m512i line[16];
      const std::uint64_t lanes = lane_bytes(job.src_lanes);
      for (int k = 0; k < lines; ++k) {
        const int rows = job.src_rows - k * rows_a_line;
        line[k] = rows <= 0 ? _mm512_setzero_si512()
                            : _mm512_maskz_loadu_epi8(lanes & sub_bytes(job.element, rows), src + 64 * k);
      }
      switch (job.element) {
        case isa::Format::kInt8:
          transpose_int8(line);
          break;
        case isa::Format::kInt16:
          transpose_int16(line);
          break;
        case isa::Format::kFp32:
          transpose_fp32(line);
          break;
      }
      for (int k = 0; k * rows_a_line < job.dst_rows; ++k)
        _mm512_mask_storeu_epi8(dst + 64 * k, sub_bytes(job.element, job.dst_rows - k * rows_a_line),
                                line[k]);
      return true;
    }
  }
};
