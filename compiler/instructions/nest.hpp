// Builds the affine loop nest of one instruction: levels are added outermost first, each with one stride
// for every stream; neighbouring levels that walk like one are merged.
#pragma once
#include <cstdint>
#include <vector>

#include "isa/program.hpp"

namespace anzan::compiler {

class Nest {
 public:
  // What one iteration adds to the address of each stream: operands a, b and c, output o, logical index x. Of
  // copies and transposes, a is what they read and b what they write.
  struct Strides {
    std::int64_t a = 0, b = 0, c = 0, o = 0, x = 0;
  };

  Nest& loop(std::int64_t count, const Strides& strides);  // iterations of their own
  Nest& fold(std::int64_t count, const Strides& strides);  // innermost: accumulate

  // Merges, then writes loop counts and strides into the instruction. Throws std::logic_error where they do
  // not fit its fields.
  void finish(isa::Tensor& instruction);
  void finish(isa::Vector& instruction);
  void finish(isa::Copy& instruction);
  void finish(isa::Transpose& instruction);

  struct Level {
    std::int64_t count = 1;
    Strides stride;
  };
  std::vector<Level>& loops() { return loops_; }
  void merge();

 private:
  std::vector<Level> merged();

  std::vector<Level> loops_, folds_;
};

}  // namespace anzan::compiler
