// The affine loop nest of one instruction: see nest.hpp.
#include "compiler/instructions/nest.hpp"

#include <limits>
#include <stdexcept>

namespace anzan::compiler {
namespace {

constexpr std::int64_t kMaxCount = std::numeric_limits<std::uint16_t>::max();

void merge_levels(std::vector<Nest::Level>& levels) {
  std::vector<Nest::Level> merged;
  for (const Nest::Level& level : levels) {
    if (level.count == 1) continue;
    if (!merged.empty() && merged.back().count * level.count <= kMaxCount) {
      Nest::Level& outer = merged.back();
      bool one_walk = true;
      for (int s = 0; s < Nest::kStreams; ++s) {
        const auto k = static_cast<std::size_t>(s);
        one_walk = one_walk && outer.stride[k] == level.stride[k] * level.count;
      }
      if (one_walk) {
        outer.count *= level.count;
        outer.stride = level.stride;
        continue;
      }
    }
    merged.push_back(level);
  }
  levels = merged;
}

std::int32_t narrow(std::int64_t stride) {
  if (stride < std::numeric_limits<std::int32_t>::min() ||
      stride > std::numeric_limits<std::int32_t>::max()) {
    throw std::length_error("stride beyond 32 bits");
  }
  return static_cast<std::int32_t>(stride);
}

}  // namespace

Nest& Nest::loop(std::int64_t count, const Strides& strides) {
  loops_.push_back({count, strides});
  return *this;
}

Nest& Nest::fold(std::int64_t count, const Strides& strides) {
  folds_.push_back({count, strides});
  return *this;
}

void Nest::merge() {
  merge_levels(loops_);
  merge_levels(folds_);
}

template <class Instruction>
void Nest::write(Instruction& instruction,
                 const std::array<std::array<std::int32_t, isa::kLoops>*, kStreams>& streams) {
  merge();
  std::vector<Level> all = loops_;
  all.insert(all.end(), folds_.begin(), folds_.end());
  if (all.size() > static_cast<std::size_t>(isa::kLoops))
    throw std::length_error("loop nest deeper than the descriptor");
  const std::size_t first = static_cast<std::size_t>(isa::kLoops) - all.size();
  instruction.loops.fill(1);
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (all[i].count < 1 || all[i].count > kMaxCount) throw std::length_error("loop count beyond 16 bits");
    instruction.loops[first + i] = static_cast<std::uint16_t>(all[i].count);
    for (std::size_t s = 0; s < streams.size(); ++s) {
      if (streams[s] != nullptr) (*streams[s])[first + i] = narrow(all[i].stride[s]);
    }
  }
}

void Nest::finish(isa::Tensor& t) {
  write(t, {&t.a.stride, &t.b.stride, &t.c.stride, &t.o.stride, &t.x.stride});
  t.reduce = static_cast<std::uint8_t>(folds_.size());
}

void Nest::finish(isa::Vector& v) {
  write(v, {&v.a.at.stride, &v.b.at.stride, &v.c.at.stride, &v.o.stride, &v.x.stride});
  v.reduce = static_cast<std::uint8_t>(folds_.size());
}

void Nest::finish(isa::Copy& c) { write(c, {&c.src.stride, &c.dst.stride, nullptr, nullptr, nullptr}); }

void Nest::finish(isa::Transpose& t) { write(t, {&t.src.stride, &t.dst.stride, nullptr, nullptr, nullptr}); }

}  // namespace anzan::compiler
