// The programs of a compiled network before encoding, for compile() and for the dumps.
#pragma once
#include <optional>
#include <vector>

#include "compiler/compiler.hpp"
#include "compiler/graph/graph.hpp"
#include "compiler/graph/memory_plan.hpp"
#include "compiler/graph/partition.hpp"
#include "compiler/instructions/listing.hpp"
#include "compiler/lowering/lowering.hpp"

namespace anzan::compiler {

struct Programs {
  ByProgram<std::vector<Listing>> of_stage;  // the step: of each stage of the pipeline; the others: one
  Listing two_steps, exchange;  // empty where there is nothing to exchange, or the network is divided
  Tables tables;
};

// The differentiated network with every tensor placed, as a core has it that has all of it; `memory` receives
// the plan if not null.
Graph build_graph(const Network& network, const Precision& precision, const TrainingParameters& training,
                  const ChipParameters& chip, const SystemParameters& system = {}, HbmPlan* memory = nullptr);
// What the cores do where the system divides the network.
std::optional<Partition> build_partition(const Network& network, const Precision& precision,
                                         const TrainingParameters& training, const ChipParameters& chip,
                                         const SystemParameters& system);
Constants plan_constants(const Graph& graph);
Programs build_programs(const Graph& whole, const std::optional<Partition>& parts = {});

}  // namespace anzan::compiler
