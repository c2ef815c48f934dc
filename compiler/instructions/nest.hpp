// Builds the affine loop nest of one instruction: levels are added outermost first, each with one stride
// for every stream; neighbouring levels that walk like one are merged.
#pragma once
#include <array>
#include <cstdint>
#include <vector>

#include "isa/program.hpp"

namespace anzan::compiler {

class Nest {
 public:
  static constexpr int kStreams = 5;  // tensor and vector: a, b, c, o, x; copies: src, dst
  using Strides = std::array<std::int64_t, kStreams>;

  Nest& loop(std::int64_t count, const Strides& strides);  // iterations of their own
  Nest& fold(std::int64_t count, const Strides& strides);  // innermost: accumulate

  // Merges, then writes loop counts and strides into the instruction.
  void finish(isa::Tensor& instruction);
  void finish(isa::Vector& instruction);
  void finish(isa::Copy& instruction);
  void finish(isa::Transpose& instruction);

  struct Level {
    std::int64_t count = 1;
    Strides stride{};
  };
  std::vector<Level>& loops() { return loops_; }
  void merge();

 private:
  template <class Instruction>
  void write(Instruction& instruction,
             const std::array<std::array<std::int32_t, isa::kLoops>*, kStreams>& streams);

  std::vector<Level> loops_, folds_;
};

}  // namespace anzan::compiler
