// Runs the tiles of a tensor job with the operations of a kernel set. Included inside the namespace of a
// kernel set.

// int8 accumulates in 32 bits where that is exact, then in 64.
template <class Ops, class Accumulator>
class Tiles {
 public:
  static constexpr int L = Ops::kLanes;

  Tiles(const TensorJob& job, Counts& counts)
      : job_(job),
        counts_(counts),
        drain_(job.output, job.point, counts),
        bias_scale_(__builtin_ldexp(1.0, job.point)) {}
  void run(std::int64_t first, std::int64_t last) {
    const Stream* const streams[] = {&job_.a, &job_.b, &job_.c, &job_.o, &job_.x};
    Walk<5> walk(job_.outer, streams, first);
    const std::int64_t a_first = 4 * job_.row_first;
    for (std::int64_t tile = first; tile < last; ++tile, walk.advance(1)) {
      const bool zero = job_.init == isa::Init::kZero;
      if (!zero && !start(job_.memory + walk.at(2))) {
        Tiles<Ops, std::int64_t>(job_, counts_).run(tile, tile + 1);
        continue;
      }
      accumulate(job_.memory + walk.at(0) + a_first, job_.memory + walk.at(1), zero);
      finish(walk.at(3), static_cast<std::uint32_t>(walk.at(4)));
    }
    drain_.finish();
  }

 private:
  static constexpr bool kFloat = std::is_same_v<Accumulator, float>;

  // The accumulators that start from the line(s) at c. False if the sum from there could leave 32 bits.
  bool start(const std::uint8_t* c) {
    if (job_.init == isa::Init::kSpill) {
      start_from_spill(c);
      return true;
    }
    for (int i = 0; i < job_.row_count; ++i) {
      float bias;
      __builtin_memcpy(&bias, c + 4 * (job_.row_first + i), 4);
      Accumulator first;
      if constexpr (kFloat) {
        first = bias;
      } else {
        const std::int64_t exact = bias_of(bias);
        const std::int64_t most = INT32_MAX - (job_.step_count + 1) * 65536;  // a step adds at most 2^16
        if (std::is_same_v<Accumulator, std::int32_t> && (exact > most || exact < -most)) return false;
        first = static_cast<Accumulator>(exact);
      }
      for (int j = 0; j < L; ++j) acc_[i * L + j] = first;
    }
    return true;
  }
  void start_from_spill(const std::uint8_t* c) {
    for (int i = 0; i < job_.row_count; ++i)
      for (int j = 0; j < L; ++j) {
        Accumulator& acc = acc_[i * L + j];
        const int row = job_.row_first + i;
        if constexpr (kFloat) {
          __builtin_memcpy(&acc, c + (row * L + j) * 4, 4);
        } else {
          std::uint32_t low, high;
          __builtin_memcpy(&low, c + (2 * row * L + j) * 4, 4);
          __builtin_memcpy(&high, c + ((2 * row + 1) * L + j) * 4, 4);
          acc = static_cast<Accumulator>((static_cast<std::uint64_t>(high) << 32) | low);
        }
      }
  }
  // Round-to-nearest-even(bias · 2^point), clamped to ±2^46; NaN goes to the limit of its sign.
  std::int64_t bias_of(float bias) const {
    constexpr double kLimit = 0x1p46;
    const std::uint32_t bits = bits_of(bias);
    double v = static_cast<double>(bias) * bias_scale_;
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
    for (std::int64_t t = 0; t < times; ++t, walk.advance(1))
      contract(a + walk.at(0), b + walk.at(1), zero && t == 0);
  }
  void contract(const std::uint8_t* a, const std::uint8_t* b, bool zero) {
    if constexpr (std::is_same_v<Accumulator, std::int64_t>) {
      if (job_.format == isa::Format::kInt8) return contract_wide(a, b, zero);
    }
    Ops::contract(acc_, a, b, {job_.steps, job_.step_count}, job_.row_count, zero);
  }
  void contract_wide(const std::uint8_t* a, const std::uint8_t* b, bool zero) {
    alignas(64) std::int32_t part[L * L];
    for (std::int64_t s = 0; s < job_.step_count; s += Ops::kInt8Steps) {
      const std::int64_t left = job_.step_count - s;
      const std::int64_t count = left < Ops::kInt8Steps ? left : Ops::kInt8Steps;
      Ops::contract(part, a, b, {job_.steps + s, count}, job_.row_count, true);
      for (int k = 0; k < job_.row_count * L; ++k)
        acc_[k] = static_cast<Accumulator>((zero && s == 0 ? 0 : acc_[k]) + part[k]);
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
          const std::uint32_t low = static_cast<std::uint32_t>(bits),
                              high = static_cast<std::uint32_t>(bits >> 32);
          __builtin_memcpy(line + (2 * (job_.row_first + i) * L + j) * 4, &low, 4);
          __builtin_memcpy(line + ((2 * (job_.row_first + i) + 1) * L + j) * 4, &high, 4);
        }
      }
    }
  }

  const TensorJob& job_;
  Counts& counts_;
  typename Ops::Drain drain_;
  double bias_scale_;
  alignas(64) Accumulator acc_[L * L];
};

template <class Ops>
void run_tensor(const TensorJob& job, std::int64_t first, std::int64_t last, Counts& counts) {
  if (first >= last) return;
  const bool short_sum = job.init != isa::Init::kSpill && job.repeat.depth == 1 && job.repeat.count[0] == 1 &&
                         job.step_count <= Ops::kInt8Steps;
  if (job.format == isa::Format::kFp32)
    Tiles<Ops, float>(job, counts).run(first, last);
  else if (job.format == isa::Format::kInt8 && short_sum)
    Tiles<Ops, std::int32_t>(job, counts).run(first, last);
  else
    Tiles<Ops, std::int64_t>(job, counts).run(first, last);
}
