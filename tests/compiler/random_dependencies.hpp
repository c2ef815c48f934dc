// Small random programs of every instruction, and what they touch, address by address: an independent reading
// of models/README.md.
#pragma once
#include <cstdint>
#include <set>
#include <utility>
#include <vector>

#include "isa/program.hpp"

namespace anzan::testing {

inline constexpr int kProgramLanes = 4;

// Some twenty instructions and `end`, with few lines and slots, so that they conflict. For analyses: they are
// not meant to be executed.
isa::Program random_program(std::uint32_t seed);

// Lines (memory 0: scratchpad, 1: HBM) and slots (2: the point for reading; 3: all else).
struct Touched {
  std::set<std::pair<int, std::int64_t>> read, written;
};
Touched touched(const isa::Instruction& instruction);

// The addresses of each independent iteration, in order, and those of everything it folds.
std::vector<std::vector<std::int64_t>> iterations(const isa::Instruction& instruction);

}  // namespace anzan::testing
