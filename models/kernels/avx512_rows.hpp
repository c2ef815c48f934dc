// Reading, copying and transposing rows on AVX-512. Included inside the namespace of a kernel set.

template <int L>
struct Avx512 : Portable<L> {
  using Drain = Avx512Drain<L>;
  static constexpr int kHalves = L / 16;

  template <class Accumulator>
  static void contract(Accumulator* acc, const std::uint8_t* a, const std::uint8_t* b, const StepOffset* steps,
                       std::int64_t n, int rows, bool zero) {
    contract_blocks<L>(acc, a, b, steps, n, rows, zero);
  }

  static void load_rows(const Operand& operand, const std::int64_t* at, std::int64_t offset, int n, float* out) {
    switch (operand.format) {
      case isa::Format::kInt8: return load_integers<4>(operand, at, offset, n, out);
      case isa::Format::kInt16: return load_integers<2>(operand, at, offset, n, out);
      case isa::Format::kFp32: break;
    }
    const std::uint8_t* memory = operand.memory + offset * (4 * L);
    for (int k = 0; k < n; ++k)
      for (int h = 0; h < kHalves; ++h)
        _mm512_store_si512(out + k * L + 16 * h, _mm512_loadu_si512(memory + at[k] * (4 * L) + 64 * h));
  }
  // E elements in a word: the one that is wanted is shifted to the top and down again.
  template <int E>
  static void load_integers(const Operand& operand, const std::int64_t* at, std::int64_t offset, int n, float* out) {
    constexpr int kBits = 32 / E, kShift = E == 4 ? 2 : 1;
    const __m512 scale = _mm512_set1_ps(operand.scale);
    const std::uint8_t* memory = operand.memory;
    for (int k = 0; k < n; ++k) {
      const std::int64_t row = at[k] + offset;
      const __m128i up = _mm_cvtsi64_si128((32 - kBits) - kBits * (row & (E - 1)));
      for (int h = 0; h < kHalves; ++h) {
        const __m512i line = _mm512_loadu_si512(memory + (row >> kShift) * (4 * L) + 64 * h);
        const __m512i element = _mm512_srai_epi32(_mm512_sll_epi32(line, up), 32 - kBits);
        _mm512_store_ps(out + k * L + 16 * h, _mm512_mul_ps(_mm512_cvtepi32_ps(element), scale));
      }
    }
  }

  // A row of sub-elements: the words turn until the element stands where it goes, and only its bytes are written.
  static void copy_row(isa::Format element, std::uint8_t* destination, const std::uint8_t* source) {
    const bool bytes = element == isa::Format::kInt8;
    const auto from = reinterpret_cast<std::uintptr_t>(source) & 3, to = reinterpret_cast<std::uintptr_t>(destination) & 3;
    const __m512i turn = _mm512_set1_epi32(static_cast<int>(8 * (to - from)));
    const std::uint64_t mask = (bytes ? 0x1111111111111111U : 0x3333333333333333U) << to;
    for (int h = 0; h < kHalves; ++h) {
      const __m512i line = _mm512_loadu_si512(source - from + 64 * h);
      _mm512_mask_storeu_epi8(destination - to + 64 * h, mask, _mm512_rolv_epi32(line, turn));
    }
  }

  // A block is a matrix of 16-byte pieces (int16: 8-byte, fp32: 4-byte) with square pieces of elements in them: the
  // pieces change places and each is transposed in itself.
  static bool transpose_aligned(const TransposeJob& job, std::uint8_t* dst, const std::uint8_t* src) {
    if constexpr (L != 16) {
      return false;
    } else {
      const int rows_a_line = 1 << element_shift(job.element);
      const int lines = L / rows_a_line;
      __m512i line[16];
      if (job.src_rows == L && job.src_lanes == L) {
        for (int k = 0; k < lines; ++k) line[k] = _mm512_loadu_si512(src + 64 * k);
      } else {
        const std::uint64_t lanes = lane_bytes(job.src_lanes);
        for (int k = 0; k < lines; ++k) {
          const int rows = job.src_rows - k * rows_a_line;
          line[k] = rows <= 0 ? _mm512_setzero_si512()
                              : _mm512_maskz_loadu_epi8(lanes & sub_bytes(job.element, rows), src + 64 * k);
        }
      }
      switch (job.element) {
        case isa::Format::kInt8: transpose_int8(line); break;
        case isa::Format::kInt16: transpose_int16(line); break;
        case isa::Format::kFp32: transpose_fp32(line); break;
      }
      if (job.dst_rows == L)
        for (int k = 0; k < lines; ++k) _mm512_storeu_si512(dst + 64 * k, line[k]);
      else
        for (int k = 0; k * rows_a_line < job.dst_rows; ++k)
          _mm512_mask_storeu_epi8(dst + 64 * k, sub_bytes(job.element, job.dst_rows - k * rows_a_line), line[k]);
      return true;
    }
  }

 private:
  static std::uint64_t lane_bytes(int lanes) { return lanes == 16 ? ~std::uint64_t{0} : (std::uint64_t{1} << (4 * lanes)) - 1; }
  // Bytes of the first `rows` rows of a line.
  static std::uint64_t sub_bytes(isa::Format element, int rows) {
    const int bytes = rows * (4 >> element_shift(element));
    return bytes >= 4 ? ~std::uint64_t{0} : 0x1111111111111111U * ((std::uint64_t{1} << bytes) - 1);
  }
  // The 4 × 4 matrix of 128-bit pieces of four lines.
  static void transpose_pieces(__m512i& a, __m512i& b, __m512i& c, __m512i& d) {
    const __m512i ab_low = _mm512_shuffle_i64x2(a, b, 0x44), ab_high = _mm512_shuffle_i64x2(a, b, 0xee);
    const __m512i cd_low = _mm512_shuffle_i64x2(c, d, 0x44), cd_high = _mm512_shuffle_i64x2(c, d, 0xee);
    a = _mm512_shuffle_i64x2(ab_low, cd_low, 0x88);
    b = _mm512_shuffle_i64x2(ab_low, cd_low, 0xdd);
    c = _mm512_shuffle_i64x2(ab_high, cd_high, 0x88);
    d = _mm512_shuffle_i64x2(ab_high, cd_high, 0xdd);
  }
  static void transpose_int8(__m512i* line) {
    transpose_pieces(line[0], line[1], line[2], line[3]);
    const __m512i inner = _mm512_broadcast_i32x4(_mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15));
    for (int k = 0; k < 4; ++k) line[k] = _mm512_shuffle_epi8(line[k], inner);
  }
  static void transpose_int16(__m512i* line) {
    // 8 × 8 pieces of 64 bits: pairs within 128 bits, then 4 × 4 of 128 bits.
    for (int k = 0; k < 8; k += 2) {
      const __m512i low = _mm512_unpacklo_epi64(line[k], line[k + 1]), high = _mm512_unpackhi_epi64(line[k], line[k + 1]);
      line[k] = low;
      line[k + 1] = high;
    }
    transpose_pieces(line[0], line[2], line[4], line[6]);
    transpose_pieces(line[1], line[3], line[5], line[7]);
    const __m512i inner = _mm512_broadcast_i32x4(_mm_setr_epi8(0, 1, 4, 5, 2, 3, 6, 7, 8, 9, 12, 13, 10, 11, 14, 15));
    for (int k = 0; k < 8; ++k) line[k] = _mm512_shuffle_epi8(line[k], inner);
  }
  static void transpose_fp32(__m512i* line) {
    // 4 × 4 words within 128 bits, then 4 × 4 of 128 bits.
    for (int k = 0; k < 16; k += 4) {
      const __m512i ab_low = _mm512_unpacklo_epi32(line[k], line[k + 1]), ab_high = _mm512_unpackhi_epi32(line[k], line[k + 1]);
      const __m512i cd_low = _mm512_unpacklo_epi32(line[k + 2], line[k + 3]), cd_high = _mm512_unpackhi_epi32(line[k + 2], line[k + 3]);
      line[k] = _mm512_unpacklo_epi64(ab_low, cd_low);
      line[k + 1] = _mm512_unpackhi_epi64(ab_low, cd_low);
      line[k + 2] = _mm512_unpacklo_epi64(ab_high, cd_high);
      line[k + 3] = _mm512_unpackhi_epi64(ab_high, cd_high);
    }
    for (int k = 0; k < 4; ++k) transpose_pieces(line[k], line[k + 4], line[k + 8], line[k + 12]);
  }
};
