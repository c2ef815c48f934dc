// Walks a loop nest with several streams at once. Included inside the namespace of a kernel set.

template <int N>
class Walk {
 public:
  Walk(const Nest& nest, const Stream* const (&streams)[N], std::int64_t first) : nest_(nest) {
    for (int s = 0; s < N; ++s) {
      streams_[s] = streams[s];
      at_[s] = streams[s]->base;
    }
    for (int k = nest.depth - 1; k >= 0; --k) {
      index_[k] = first % nest.count[k];
      first /= nest.count[k];
      for (int s = 0; s < N; ++s) at_[s] += index_[k] * streams[s]->stride[k];
    }
  }
  // Address of a stream now, and what an iteration of the innermost loop adds to it.
  std::int64_t at(int stream) const { return at_[stream]; }
  std::int64_t stride(int stream) const { return streams_[stream]->stride[nest_.depth - 1]; }
  // Iterations until the innermost loop ends, at most n.
  std::int64_t run(std::int64_t n) const {
    const std::int64_t left = nest_.count[nest_.depth - 1] - index_[nest_.depth - 1];
    return left < n ? left : n;
  }
  // Goes on by n <= run(n) iterations.
  ANZAN_INLINE void advance(std::int64_t n) {
    int k = nest_.depth - 1;
    index_[k] += n;
    for (int s = 0; s < N; ++s) at_[s] += n * streams_[s]->stride[k];
    while (index_[k] == nest_.count[k] && k > 0) {
      for (int s = 0; s < N; ++s) at_[s] += streams_[s]->stride[k - 1] - index_[k] * streams_[s]->stride[k];
      index_[k] = 0;
      ++index_[--k];
    }
  }

 private:
  const Nest& nest_;
  const Stream* streams_[N];
  std::int64_t index_[isa::kLoops];
  std::int64_t at_[N];
};

// Lists the addresses of iterations, by way of the nest's table where it has one.
template <int N>
class Lister {
 public:
  Lister(const Nest& nest, const Table& table, const Stream* const (&streams)[N], std::int64_t first)
      : nest_(without(nest, table)),
        table_(table),
        place_(first % table.period),
        walk_(nest_, streams, first / table.period) {}

  // Addresses of the next n iterations, one list a stream; null: not wanted.
  void list(std::int64_t n, std::int64_t* const (&lists)[N]) {
    for (std::int64_t done = 0; done < n;) {
      std::int64_t run;
      if (table_.loops == 0) {
        run = walk_.run(n - done);
        for (int s = 0; s < N; ++s) {
          if (lists[s] == nullptr) continue;
          const std::int64_t at = walk_.at(s), stride = walk_.stride(s);
          std::int64_t* out = lists[s] + done;
          for (std::int64_t k = 0; k < run; ++k) out[k] = at + k * stride;
        }
        walk_.advance(run);
      } else {
        run = table_.period - place_ < n - done ? table_.period - place_ : n - done;
        for (int s = 0; s < N; ++s) {
          if (lists[s] == nullptr) continue;
          const std::int64_t at = walk_.at(s);
          const std::int32_t* offsets = table_.offsets + s * table_.period + place_;
          std::int64_t* out = lists[s] + done;
          for (std::int64_t k = 0; k < run; ++k) out[k] = at + offsets[k];
        }
        place_ += run;
        if (place_ == table_.period) {
          place_ = 0;
          walk_.advance(1);
        }
      }
      done += run;
    }
  }

 private:
  static Nest without(const Nest& nest, const Table& table) {
    Nest outer = nest;
    outer.depth -= table.loops;
    if (outer.depth == 0) outer.count[outer.depth++] = 1;
    return outer;
  }

  Nest nest_;
  Table table_;
  std::int64_t place_;
  Walk<N> walk_;
};
