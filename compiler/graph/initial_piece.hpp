// Initial values on their way into a core: the driver writes them in FP32, four times the bytes of what they
// become in 8 bits, and a program quantises them. Where memory has no room for all, they come piece by piece.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "compiler/graph/tensors.hpp"

namespace anzan::compiler {

// All or some rows of the initial values of a parameter, at a place of their own.
struct InitialRows {
  std::size_t parameter;  // number
  TensorInfo values;      // ParameterInfo::initial
};

// What a program does with the values of a slot: shows them to its statistics, stores them, or both. The
// binary point is chosen between the two. So what does not fit into memory at once is shown in one piece and
// stored in a later one.
struct InitialStep {
  struct Use {
    int stored;        // tensor of the graph
    std::size_t rows;  // whose values it takes: of the piece
  };
  std::vector<Use> uses;
  bool shows, stores;
};

struct InitialPiece {
  std::vector<InitialRows> rows;  // together in memory, one behind the other
  std::vector<InitialStep> steps;
  std::int64_t end_line() const {
    return rows.empty() ? 0 : rows.back().values.hbm_line + rows.back().values.lines;
  }
};

}  // namespace anzan::compiler
