// Levels that walk like one become one; what is left goes into the innermost loops of the descriptor.
#include "compiler/instructions/nest.hpp"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <iterator>
#include <limits>
#include <stdexcept>
#include <string>

namespace anzan::compiler {
namespace {

using Strides = Nest::Strides;
using Stream = std::int64_t Strides::*;

constexpr std::int64_t kMaxCount = std::numeric_limits<std::uint16_t>::max();

// Whether the outer level goes on where the inner one ends, in all streams.
bool one_walk(const Nest::Level& outer, const Nest::Level& inner) {
  constexpr Stream kStreams[] = {&Strides::a, &Strides::b, &Strides::c, &Strides::o, &Strides::x};
  return std::all_of(std::begin(kStreams), std::end(kStreams), [&](Stream stream) {
    return outer.stride.*stream == inner.stride.*stream * inner.count;
  });
}

void merge_levels(std::vector<Nest::Level>& levels) {
  std::vector<Nest::Level> merged;
  for (const Nest::Level& level : levels) {
    if (level.count == 1) continue;
    if (!merged.empty() && merged.back().count * level.count <= kMaxCount && one_walk(merged.back(), level)) {
      merged.back().count *= level.count;
      merged.back().stride = level.stride;
    } else {
      merged.push_back(level);
    }
  }
  levels = merged;
}

std::int32_t narrow(std::int64_t stride) {
  if (stride < std::numeric_limits<std::int32_t>::min() || stride > std::numeric_limits<std::int32_t>::max())
    throw std::logic_error("loop nest: a stride of " + std::to_string(stride) + ", beyond 32 bits");
  return static_cast<std::int32_t>(stride);
}

// Where the strides of a stream stand in the descriptor.
struct Field {
  Stream stream;
  std::array<std::int32_t, isa::kLoops>& stride;
};

template <class Instruction>
void write(Instruction& instruction, const std::vector<Nest::Level>& levels,
           std::initializer_list<Field> fields) {
  if (levels.size() > static_cast<std::size_t>(isa::kLoops))
    throw std::logic_error("loop nest: " + std::to_string(levels.size()) + " levels, the descriptor has " +
                           std::to_string(isa::kLoops));
  std::size_t at = static_cast<std::size_t>(isa::kLoops) - levels.size();
  instruction.loops.fill(1);
  for (const Nest::Level& level : levels) {
    if (level.count < 1 || level.count > kMaxCount)
      throw std::logic_error("loop nest: " + std::to_string(level.count) + " iterations, beyond 16 bits");
    instruction.loops[at] = static_cast<std::uint16_t>(level.count);
    for (const Field& field : fields) field.stride[at] = narrow(level.stride.*field.stream);
    ++at;
  }
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

std::vector<Nest::Level> Nest::merged() {
  merge();
  std::vector<Level> all = loops_;
  all.insert(all.end(), folds_.begin(), folds_.end());
  return all;
}

void Nest::finish(isa::Tensor& t) {
  write(t, merged(),
        {{&Strides::a, t.a.stride},
         {&Strides::b, t.b.stride},
         {&Strides::c, t.c.stride},
         {&Strides::o, t.o.stride},
         {&Strides::x, t.x.stride}});
  t.reduce = static_cast<std::uint8_t>(folds_.size());
}

void Nest::finish(isa::Vector& v) {
  write(v, merged(),
        {{&Strides::a, v.a.at.stride},
         {&Strides::b, v.b.at.stride},
         {&Strides::c, v.c.at.stride},
         {&Strides::o, v.o.stride},
         {&Strides::x, v.x.stride}});
  v.reduce = static_cast<std::uint8_t>(folds_.size());
}

void Nest::finish(isa::Copy& c) {
  write(c, merged(), {{&Strides::a, c.src.stride}, {&Strides::b, c.dst.stride}});
}

void Nest::finish(isa::Transpose& t) {
  write(t, merged(), {{&Strides::a, t.src.stride}, {&Strides::b, t.dst.stride}});
}

}  // namespace anzan::compiler
