// Builds an affine loop nest: levels are added outermost first, each with one stride for every stream;
// neighbouring levels that walk like one are merged. Levels may be as long and as many as they like: what an
// instruction cannot say becomes several.
#pragma once
#include <cstdint>
#include <limits>
#include <vector>

#include "isa/program.hpp"

namespace anzan::compiler {

// Of one loop of an instruction.
inline constexpr std::int64_t kMostIterations = std::numeric_limits<std::uint16_t>::max();

class Nest {
 public:
  // What one iteration adds to the address of each stream: operands a, b and c, output o, logical index x. Of
  // copies and transposes, a is what they read and b what they write.
  struct Strides {
    std::int64_t a = 0, b = 0, c = 0, o = 0, x = 0;
  };

  Nest& loop(std::int64_t count, const Strides& strides);  // iterations of their own
  Nest& fold(std::int64_t count, const Strides& strides);  // innermost: accumulate

  // Merges, then gives the instruction, with these loops, once or, where they do not fit its fields, in
  // pieces that together do the same. Throws std::logic_error where a fold would have to be cut.
  template <class Instruction>
  std::vector<Instruction> finish(const Instruction& instruction);

  struct Level {
    std::int64_t count = 1;
    Strides stride;
  };
  std::vector<Level>& loops() { return loops_; }
  void merge();

 private:
  // Levels that fit, and how far the streams have gone before.
  struct Piece {
    Strides first;
    std::vector<Level> loops, folds;
    void enter(std::int64_t iterations, const Strides& strides);
  };
  static void cut(Piece piece, std::vector<Piece>& fitting);

  std::vector<Level> loops_, folds_;
};

// Where it is one instruction: of what other cores do in the same place, and of what lies within one tile.
template <class Instruction>
Instruction only(const std::vector<Instruction>& pieces);

}  // namespace anzan::compiler
