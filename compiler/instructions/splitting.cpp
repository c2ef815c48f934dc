// Pieces of long instructions: see splitting.hpp.
#include "compiler/instructions/splitting.hpp"

#include <algorithm>
#include <type_traits>

#include "compiler/instructions/ranges.hpp"
#include "models/timing.hpp"

namespace anzan::compiler {
namespace {

template <class Walk>
void advance(Walk& walk, std::size_t loop, std::int64_t iterations) {
  walk.base += static_cast<std::uint32_t>(iterations * walk.stride[loop]);
}
void advance(isa::Operand& operand, std::size_t loop, std::int64_t iterations) {
  if (operand.kind == isa::OperandKind::kRows || operand.kind == isa::OperandKind::kBroadcast)
    advance(operand.at, loop, iterations);
}

template <class Move>
void skip(Move& m, std::size_t loop, std::int64_t iterations) {  // copy, transpose
  advance(m.src, loop, iterations);
  advance(m.dst, loop, iterations);
}
template <class Arithmetic>
void skip_arithmetic(Arithmetic& i, std::size_t loop, std::int64_t iterations) {
  advance(i.a, loop, iterations);
  advance(i.b, loop, iterations);
  advance(i.c, loop, iterations);
  advance(i.o, loop, iterations);
  advance(i.x, loop, iterations);
}
void skip(isa::Tensor& t, std::size_t loop, std::int64_t iterations) { skip_arithmetic(t, loop, iterations); }
void skip(isa::Vector& v, std::size_t loop, std::int64_t iterations) { skip_arithmetic(v, loop, iterations); }

template <class Instruction>
std::size_t independent_loops(const Instruction& i) {
  if constexpr (std::is_same_v<Instruction, isa::Tensor> || std::is_same_v<Instruction, isa::Vector>) {
    return static_cast<std::size_t>(isa::kLoops) - i.reduce;
  } else {
    return i.loops.size();
  }
}

template <class Instruction>
void append(const Instruction& i, std::int64_t most_cycles, isa::Program& program) {
  const std::int64_t cycles = models::estimated_cycles(i);
  const auto end = i.loops.begin() + static_cast<std::ptrdiff_t>(independent_loops(i));
  const auto cut = std::find_if(i.loops.begin(), end, [](std::uint16_t count) { return count > 1; });
  if (cycles <= most_cycles || cut == end) return program.push_back(i);
  const auto loop = static_cast<std::size_t>(cut - i.loops.begin());
  const std::int64_t count = *cut, pieces = std::min(count, ceil_div(cycles, most_cycles));
  for (std::int64_t piece = 0; piece < pieces; ++piece) {
    const std::int64_t first = piece * count / pieces, last = (piece + 1) * count / pieces;
    Instruction part = i;
    part.loops[loop] = static_cast<std::uint16_t>(last - first);
    skip(part, loop, first);
    append(part, most_cycles, program);
  }
}

struct Append {
  std::int64_t most_cycles;
  isa::Program& program;
  void operator()(const isa::Copy& i) const { append(i, most_cycles, program); }
  void operator()(const isa::Transpose& i) const { append(i, most_cycles, program); }
  void operator()(const isa::Tensor& i) const { append(i, most_cycles, program); }
  void operator()(const isa::Vector& i) const { append(i, most_cycles, program); }
  template <class Other>
  void operator()(const Other& i) const {
    program.push_back(i);
  }
};

}  // namespace

void append_in_pieces(const isa::Instruction& instruction, std::int64_t most_cycles, isa::Program& program) {
  std::visit(Append{most_cycles, program}, instruction);
}

}  // namespace anzan::compiler
