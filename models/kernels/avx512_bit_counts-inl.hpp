// Histograms of positions on AVX-512. Included inside the namespace of a kernel set.

// Counts bits at each of their places over many vectors, bit-sliced: plane k holds bit k of every count.
// Sixteen vectors are added by carry-save adders (as in Harley and Seal's population count), then ripple into
// the planes.
class BitCounts {
 public:
  static constexpr int kRoom = 128;  // vectors that may be written at once

  BitCounts() {
    for (__m512i& plane : planes_) plane = _mm512_setzero_si512();
  }
  // Where the next vectors are to be written, and that `n` of them have been.
  __m512i* room() { return pending_ + count_; }
  void written(int n) {
    count_ += n;
    int done = 0;
    for (; count_ - done >= 16; done += 16) add_sixteen(pending_ + done);
    if (done == 0) return;
    for (int k = done; k < count_; ++k) pending_[k - done] = pending_[k];
    count_ -= done;
  }
  // Adds to totals[b] how many of the vectors' elements of W bits had bit b.
  template <int W>
  void finish(std::uint64_t* totals) {
    while (count_ % 16 != 0) pending_[count_++] = _mm512_setzero_si512();
    written(0);
    for (int k = 0; k < kPlanes; ++k) {
      if (_mm512_test_epi32_mask(planes_[k], planes_[k]) == 0) continue;
      for (int b = 0; b < W; ++b) {
        const int hits =
            W == 32 ? __builtin_popcount(_mm512_test_epi32_mask(planes_[k], _mm512_set1_epi32(1 << (b % 32))))
                    : __builtin_popcount(
                          _mm512_test_epi64_mask(planes_[k], _mm512_set1_epi64(std::int64_t{1} << b)));
        totals[b] += static_cast<std::uint64_t>(hits) << k;
      }
    }
  }

 private:
  static constexpr int kPlanes = 48;

  // u + v added to plane k: returns the carry.
  static __m512i add(__m512i& plane, __m512i u, __m512i v) {
    const __m512i carry = _mm512_ternarylogic_epi32(plane, u, v, 0xe8);
    plane = _mm512_ternarylogic_epi32(plane, u, v, 0x96);
    return carry;
  }
  void add_sixteen(const __m512i* p) {
    __m512i ones = planes_[0], twos = planes_[1], fours = planes_[2], eights = planes_[3];
    __m512i two[8], four[4], eight[2];
#pragma GCC unroll 8
    for (int k = 0; k < 8; ++k) two[k] = add(ones, p[2 * k], p[2 * k + 1]);
#pragma GCC unroll 4
    for (int k = 0; k < 4; ++k) four[k] = add(twos, two[2 * k], two[2 * k + 1]);
#pragma GCC unroll 2
    for (int k = 0; k < 2; ++k) eight[k] = add(fours, four[2 * k], four[2 * k + 1]);
    __m512i rest = add(eights, eight[0], eight[1]);
    planes_[0] = ones;
    planes_[1] = twos;
    planes_[2] = fours;
    planes_[3] = eights;
    for (int k = 4; k < kPlanes && _mm512_test_epi32_mask(rest, rest) != 0; ++k) {
      const __m512i next = _mm512_and_si512(planes_[k], rest);
      planes_[k] = _mm512_xor_si512(planes_[k], rest);
      rest = next;
    }
  }

  int count_ = 0;
  __m512i planes_[kPlanes];
  __m512i pending_[kRoom + 16];
};
