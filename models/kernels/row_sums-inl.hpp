// Accumulators of a block of rows in registers, and the choice of the kernel for a number of rows. Included
// inside the namespace of a kernel set.

// Accumulators of R rows, one member a row so that each is sure of its register.
template <class Row, int R>
struct RowSums {
  RowSums<Row, R - 1> before;
  Row row;
  template <class F>
  ANZAN_INLINE void each(F f) {
    before.each(f);
    f(row, R - 1);
  }
};
template <class Row>
struct RowSums<Row, 0> {
  template <class F>
  ANZAN_INLINE void each(F) {}
};

// f(step) for all of them in turn. Four to a turn of the loop: what a loop costs is then little beside 16
// rows.
template <class F>
ANZAN_INLINE void each_step(const StepOffset* step, std::int64_t count, F f) {
  const StepOffset* const end = step + count;
  for (; end - step >= 4; step += 4) {
    f(step[0]);
    f(step[1]);
    f(step[2]);
    f(step[3]);
  }
  for (; step != end; ++step) f(*step);
}

template <class Accumulator>
using RowFunction = void (*)(Accumulator* acc, std::int64_t pitch, const std::uint8_t* a,
                             const std::uint8_t* b, Steps steps, bool zero);

// Kernels for 1 to N rows.
template <template <int, class> class Kernel, class Accumulator, int N>
struct RowTable {
  RowFunction<Accumulator> of[N + 1] = {};
  constexpr RowTable() { fill<1>(); }

 private:
  template <int R>
  constexpr void fill() {
    of[R] = Kernel<R, Accumulator>::run;
    if constexpr (R < N) fill<R + 1>();
  }
};
