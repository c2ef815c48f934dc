// Places every tensor in HBM. Persistent tensors keep their place; the others live from the operation that
// writes them to the last that reads them and share memory.
#pragma once
#include "compiler/graph/graph.hpp"

namespace anzan::compiler {

struct HbmPlan {
  std::int64_t lines = 0;  // of HBM that the model needs
  MemoryPlan report;
};

// Sets hbm_line of every tensor; the first `reserved` lines stay free (constants).
HbmPlan plan_memory(Graph& graph, std::int64_t reserved);

// Operations between which a tensor lives, as numbers of Graph::ops (-1: before the first).
struct Lifetime {
  int begin = 0, end = 0;
};
std::vector<Lifetime> lifetimes(const Graph& graph);

}  // namespace anzan::compiler
