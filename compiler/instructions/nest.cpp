// Levels that walk like one become one; what is left goes into the innermost loops of the descriptor.
#include "compiler/instructions/nest.hpp"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <iterator>
#include <stdexcept>
#include <string>

#include "compiler/instructions/narrow.hpp"

namespace anzan::compiler {
namespace {

using Strides = Nest::Strides;
using Stream = std::int64_t Strides::*;

constexpr Stream kStreams[] = {&Strides::a, &Strides::b, &Strides::c, &Strides::o, &Strides::x};

// Whether the outer level goes on where the inner one ends, in all streams.
bool one_walk(const Nest::Level& outer, const Nest::Level& inner) {
  return std::all_of(std::begin(kStreams), std::end(kStreams), [&](Stream stream) {
    return outer.stride.*stream == inner.stride.*stream * inner.count;
  });
}

void merge_levels(std::vector<Nest::Level>& levels) {
  std::vector<Nest::Level> merged;
  for (const Nest::Level& level : levels) {
    if (level.count == 1) continue;
    if (!merged.empty() && merged.back().count * level.count <= kMostIterations &&
        one_walk(merged.back(), level)) {
      merged.back().count *= level.count;
      merged.back().stride = level.stride;
    } else {
      merged.push_back(level);
    }
  }
  levels = merged;
}

// The level as two that fit, and the iterations that are left over.
struct Halves {
  Nest::Level outer, inner;
  std::int64_t rest = 0;
};
Halves halves(const Nest::Level& level, std::int64_t inner) {
  Halves h{{level.count / inner, level.stride}, {inner, level.stride}, level.count % inner};
  for (const Stream stream : kStreams) h.outer.stride.*stream *= inner;
  return h;
}

// The longest inner loop that leaves no rest.
std::int64_t longest_divisor(std::int64_t count) {
  std::int64_t divisor = kMostIterations;
  while (count % divisor != 0) --divisor;
  return divisor;
}

auto too_long(std::vector<Nest::Level>& levels) {
  return std::find_if(levels.begin(), levels.end(),
                      [](const Nest::Level& level) { return level.count > kMostIterations; });
}

// A stream of an instruction: its address, and the strides of its loops.
struct Field {
  Stream stream;
  std::uint32_t& base;
  std::array<std::int32_t, isa::kLoops>& stride;
};

std::array<Field, 5> fields(isa::Tensor& t) {
  return {{{&Strides::a, t.a.base, t.a.stride},
           {&Strides::b, t.b.base, t.b.stride},
           {&Strides::c, t.c.base, t.c.stride},
           {&Strides::o, t.o.base, t.o.stride},
           {&Strides::x, t.x.base, t.x.stride}}};
}
std::array<Field, 5> fields(isa::Vector& v) {
  return {{{&Strides::a, v.a.at.base, v.a.at.stride},
           {&Strides::b, v.b.at.base, v.b.at.stride},
           {&Strides::c, v.c.at.base, v.c.at.stride},
           {&Strides::o, v.o.base, v.o.stride},
           {&Strides::x, v.x.base, v.x.stride}}};
}
template <class Move>  // copy, transpose
std::array<Field, 2> fields(Move& m) {
  return {{{&Strides::a, m.src.base, m.src.stride}, {&Strides::b, m.dst.base, m.dst.stride}}};
}

void set_folds(isa::Tensor& t, std::size_t folds) { t.reduce = static_cast<std::uint8_t>(folds); }
// without a loop to fold, the fold's first element is its result
void set_folds(isa::Vector& v, std::size_t folds) {
  v.reduce = static_cast<std::uint8_t>(folds);
  if (folds == 0) v.reduction = isa::Reduction::kNone;
}
template <class Move>
void set_folds(Move&, std::size_t) {}

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

void Nest::Piece::enter(std::int64_t iterations, const Strides& strides) {
  for (const Stream stream : kStreams) first.*stream += iterations * strides.*stream;
}

void Nest::cut(Piece piece, std::vector<Piece>& fitting) {
  constexpr std::int64_t kLong = (kMostIterations + 1) / 2;
  if (const auto level = too_long(piece.loops); level != piece.loops.end()) {
    const Halves h = halves(*level, kLong);
    Piece rest = piece;
    rest.loops[static_cast<std::size_t>(level - piece.loops.begin())].count = h.rest;
    rest.enter(h.outer.count, h.outer.stride);
    *level = h.inner;
    piece.loops.insert(level, h.outer);
    cut(std::move(piece), fitting);
    if (h.rest > 0) cut(std::move(rest), fitting);
    return;
  }
  if (const auto level = too_long(piece.folds); level != piece.folds.end()) {
    const std::int64_t inner = longest_divisor(level->count);
    if (inner == 1)
      throw std::logic_error("loop nest: a fold of " + std::to_string(level->count) +
                             ", which has no divisor");
    const Halves h = halves(*level, inner);
    *level = h.inner;
    piece.folds.insert(level, h.outer);
    return cut(std::move(piece), fitting);
  }
  if (piece.loops.size() + piece.folds.size() <= static_cast<std::size_t>(isa::kLoops))
    return fitting.push_back(std::move(piece));
  if (piece.loops.empty())
    throw std::logic_error("loop nest: folds of " + std::to_string(piece.folds.size()) + " levels");
  const Level outer = piece.loops.front();
  piece.loops.erase(piece.loops.begin());
  for (std::int64_t i = 0; i < outer.count; ++i) {
    cut(piece, fitting);
    piece.enter(1, outer.stride);
  }
}

template <class Instruction>
std::vector<Instruction> Nest::finish(const Instruction& instruction) {
  merge();
  std::vector<Piece> fitting;
  cut({{}, loops_, folds_}, fitting);
  std::vector<Instruction> result;
  for (const Piece& piece : fitting) {
    Instruction i = instruction;
    std::vector<Level> levels = piece.loops;
    levels.insert(levels.end(), piece.folds.begin(), piece.folds.end());
    i.loops.fill(1);
    const std::size_t first = static_cast<std::size_t>(isa::kLoops) - levels.size();
    for (std::size_t l = 0; l < levels.size(); ++l) {
      if (levels[l].count < 1)
        throw std::logic_error("loop nest: " + std::to_string(levels[l].count) + " iterations");
      i.loops[first + l] = narrow<std::uint16_t>(levels[l].count, "iterations of a loop");
    }
    for (const Field& field : fields(i)) {
      field.base += static_cast<std::uint32_t>(piece.first.*field.stream);
      for (std::size_t l = 0; l < levels.size(); ++l)
        field.stride[first + l] = narrow<std::int32_t>(levels[l].stride.*field.stream, "a stride of a loop");
    }
    set_folds(i, piece.folds.size());
    result.push_back(i);
  }
  return result;
}

template <class Instruction>
Instruction only(const std::vector<Instruction>& pieces) {
  if (pieces.size() != 1)
    throw std::logic_error("loop nest: " + std::to_string(pieces.size()) +
                           " instructions where one is wanted");
  return pieces.front();
}

template std::vector<isa::Tensor> Nest::finish(const isa::Tensor&);
template std::vector<isa::Vector> Nest::finish(const isa::Vector&);
template std::vector<isa::Copy> Nest::finish(const isa::Copy&);
template std::vector<isa::Transpose> Nest::finish(const isa::Transpose&);
template isa::Tensor only(const std::vector<isa::Tensor>&);
template isa::Vector only(const std::vector<isa::Vector>&);
template isa::Copy only(const std::vector<isa::Copy>&);

}  // namespace anzan::compiler
