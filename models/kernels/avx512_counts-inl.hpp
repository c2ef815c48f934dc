// Histograms of places on AVX-512. Included inside the namespace of a kernel set.

// Counts bytes of 0 to 63, eight values to a group: in each group a bit a value, whose counts are bit-sliced.
// Plane k holds bit k of every count; eight vectors are added by carry-save adders (as in Harley and Seal's
// population count) and ripple into the planes. Groups that do not occur cost a test.
class PlaceCounts {
 public:
  // Where the next bytes are to be written, at most kRoom, and that `bytes` of them have been. What is taken
  // off each byte comes from `origin`; what is then below 0 counts as 0, what is above 63 as 63.
  static constexpr int kRoom = 1024;
  std::uint8_t* room() { return pending_ + count_; }
  void written(int bytes, int origin) {
    count_ += bytes;
    int done = 0;
    for (; count_ - done >= kBlock; done += kBlock) add_block(pending_ + done, origin);
    if (done == 0) return;
    for (int k = 0; k < count_ - done; k += 64)
      _mm512_store_si512(pending_ + k, _mm512_load_si512(pending_ + done + k));
    count_ -= done;
  }
  // Adds how often each value has occurred.
  void finish(std::uint64_t* totals, int origin) {
    if (count_ > 0) {
      const int missing = kBlock - count_;
      for (int k = count_; k < kBlock; ++k) pending_[k] = 0xff;
      written(missing, origin);
      totals[63] -= static_cast<std::uint64_t>(missing);
    }
    for (int g = 0; g < kGroups; ++g)
      for (int k = 0; k < used_[g]; ++k)
        for (int b = 0; b < 8; ++b) {
          const __mmask64 hits =
              _mm512_test_epi8_mask(planes_[g][k], _mm512_set1_epi8(static_cast<char>(1 << b)));
          totals[8 * g + b] += static_cast<std::uint64_t>(__builtin_popcountll(hits)) << k;
        }
  }

 private:
  static constexpr int kGroups = 8, kPlanes = 40, kVectors = 8, kBlock = 64 * kVectors;

  // u + v added to plane k: returns the carry.
  static ANZAN_INLINE __m512i add(__m512i& plane, __m512i u, __m512i v) {
    const __m512i carry = _mm512_ternarylogic_epi32(plane, u, v, 0xe8);
    plane = _mm512_ternarylogic_epi32(plane, u, v, 0x96);
    return carry;
  }
  __attribute__((noinline)) void add_block(const std::uint8_t* bytes, int origin) {
    const __m512i bits = _mm512_set1_epi64(static_cast<std::int64_t>(0x8040201008040201U));
    const __m512i least = _mm512_set1_epi8(static_cast<char>(origin)), most = _mm512_set1_epi8(63),
                  seven = _mm512_set1_epi8(7);
    __m512i value[kVectors], group[kVectors], some = _mm512_setzero_si512();
#pragma GCC unroll 8
    for (int k = 0; k < kVectors; ++k) {
      const __m512i v = _mm512_min_epu8(_mm512_subs_epu8(_mm512_load_si512(bytes + 64 * k), least), most);
      value[k] = _mm512_shuffle_epi8(bits, v);
      group[k] = _mm512_shuffle_epi8(bits, _mm512_and_si512(_mm512_srli_epi16(v, 3), seven));
      some = _mm512_or_si512(some, group[k]);
    }
    for (int g = 0; g < kGroups; ++g) {
      const __m512i here = _mm512_set1_epi8(static_cast<char>(1 << g));
      if (_mm512_test_epi8_mask(some, here) == 0) continue;
      __m512i x[kVectors];
#pragma GCC unroll 8
      for (int k = 0; k < kVectors; ++k)
        x[k] = _mm512_maskz_mov_epi8(_mm512_test_epi8_mask(group[k], here), value[k]);
      add_eight(g, x);
    }
  }
  ANZAN_INLINE void add_eight(int g, const __m512i* x) {
    __m512i* planes = planes_[g];
    if (used_[g] == 0) used_[g] = 3, planes[0] = planes[1] = planes[2] = _mm512_setzero_si512();
    __m512i ones = planes[0], twos = planes[1], fours = planes[2], two[4], four[2];
#pragma GCC unroll 4
    for (int k = 0; k < 4; ++k) two[k] = add(ones, x[2 * k], x[2 * k + 1]);
#pragma GCC unroll 2
    for (int k = 0; k < 2; ++k) four[k] = add(twos, two[2 * k], two[2 * k + 1]);
    __m512i rest = add(fours, four[0], four[1]);
    planes[0] = ones;
    planes[1] = twos;
    planes[2] = fours;
    for (int k = 3; _mm512_test_epi32_mask(rest, rest) != 0; ++k) {
      if (k == used_[g]) planes[used_[g]++] = _mm512_setzero_si512();
      const __m512i next = _mm512_and_si512(planes[k], rest);
      planes[k] = _mm512_xor_si512(planes[k], rest);
      rest = next;
    }
  }

  int count_ = 0;
  int used_[kGroups] = {};  // planes that hold anything
  __m512i planes_[kGroups][kPlanes];
  alignas(64) std::uint8_t pending_[kRoom + kBlock];
};
