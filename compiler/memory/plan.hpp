// Places every tensor in HBM. Persistent tensors keep their place; the others live from the operation that
// writes them to the last that reads them and share memory.
#pragma once
#include <vector>

#include "compiler/graph/graph.hpp"
#include "compiler/memory/initial_pieces.hpp"
#include "compiler/memory/lifetimes.hpp"

namespace anzan::compiler {

struct HbmPlan {
  std::int64_t lines = 0;  // of HBM that the model needs
  MemoryPlan report;
  std::vector<InitialPiece> initial;
};

// Sets hbm_line of every tensor but those of initial values, which have their places in `initial`; the first
// `reserved` lines stay free (constants).
HbmPlan plan_memory(Graph& graph, std::int64_t reserved);

// Lines of such a plan, whatever their unit: nothing is checked, and no place is kept.
std::int64_t tightest_plan(Graph graph);

}  // namespace anzan::compiler
