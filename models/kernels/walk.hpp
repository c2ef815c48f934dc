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
  void advance(std::int64_t n) {
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

// Addresses of the next n iterations of every stream.
template <int N>
inline void list_addresses(Walk<N>& walk, std::int64_t n, std::int64_t* const (&lists)[N]) {
  for (std::int64_t done = 0; done < n;) {
    const std::int64_t run = walk.run(n - done);
    for (int s = 0; s < N; ++s) {
      const std::int64_t at = walk.at(s), stride = walk.stride(s);
      for (std::int64_t k = 0; k < run; ++k) lists[s][done + k] = at + k * stride;
    }
    walk.advance(run);
    done += run;
  }
}
