// Divides a training graph among the stages of a pipeline and among micro-batches: which operation is done
// where, on which images, and what goes from stage to stage. All stages together do what the graph says.
#pragma once
#include <vector>

#include "compiler/graph/graph.hpp"
#include "compiler/memory/plan.hpp"

namespace anzan::compiler {

struct Partition {
  // Of each stage: its operations in order, its tensors placed in its HBM (those of other stages at line -1).
  std::vector<Graph> stages;
  std::vector<MemoryPlan> plans;  // of each
  HbmPlan memory;                 // of the stage that needs most
  // All operations, in an order in which what is sent comes before what is received: every micro-batch
  // forward, stage after stage, then every one backward (gpipe); or as all stages go on at once, each with no
  // more micro-batches under way than there are stages from it on (1f1b). With the last, updates of weights,
  // and gradients of weights but for those that are summed micro-batch by micro-batch.
  std::vector<Op> ops;
};

// `reserved`: lines at the start of every HBM. Throws InputError for stages or micro-batches that cannot be.
Partition partition(const Graph& graph, std::int64_t reserved);

// The stage of each layer: as the mapping says, or such that the stage with most to do has as little as can
// be.
std::vector<int> stages_of_layers(const Graph& graph);

}  // namespace anzan::compiler
