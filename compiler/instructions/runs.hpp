// A walk through a memory as runs of units that follow each other, whatever the order of its loops.
#pragma once
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "isa/isa_generated.hpp"

namespace anzan::compiler {

using LoopCounts = std::array<std::uint16_t, isa::kLoops>;

// `run` units from each of the places on that the levels visit.
class Runs {
 public:
  // The loops [0, depth) of an address, `extent` units at each place.
  Runs(const isa::Address& a, const LoopCounts& loops, int depth, std::int64_t extent)
      : base_(a.base), run_(extent) {
    for (std::size_t k = 0; k < static_cast<std::size_t>(depth); ++k) {
      const std::int64_t stride = a.stride[k], count = loops[k];
      if (count < 2 || stride == 0) continue;
      if (stride < 0) base_ += stride * (count - 1);
      levels_[end_++] = {stride < 0 ? -stride : stride, count};
    }
    std::sort(levels_.begin(), levels_.begin() + static_cast<std::ptrdiff_t>(end_),
              [](const Level& x, const Level& y) {
                return std::pair(x.stride, x.count) < std::pair(y.stride, y.count);
              });
  }

  // Runs with at most `gap` units between them become one; further ones too, as long as there are more than
  // `most` of them.
  void join(std::int64_t gap, std::int64_t most = INT64_MAX) {
    while (first_ != end_ && (levels_[first_].stride <= run_ + gap || count() > most)) {
      run_ += levels_[first_].stride * (levels_[first_].count - 1);
      ++first_;
    }
  }

  std::int64_t run() const { return run_; }

  // visit(first unit) for each run. Those of a walk that comes back are visited again.
  template <class Visit>
  void each(const Visit& visit) const {
    each_from(end_, base_, visit);
  }

 private:
  struct Level {
    std::int64_t stride, count;  // more than 0, more than 1
  };

  std::int64_t count() const {
    std::int64_t n = 1;
    for (std::size_t l = first_; l < end_; ++l) n *= levels_[l].count;
    return n;
  }
  template <class Visit>
  void each_from(std::size_t level, std::int64_t at, const Visit& visit) const {
    if (level == first_) return visit(at);
    const auto [stride, count] = levels_[level - 1];
    for (std::int64_t i = 0; i < count; ++i) each_from(level - 1, at + i * stride, visit);
  }

  std::int64_t base_, run_;
  std::array<Level, isa::kLoops> levels_;  // those from `first_` to `end_`, strides ascending
  std::size_t first_ = 0, end_ = 0;
};

}  // namespace anzan::compiler
