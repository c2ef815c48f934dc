// The programs of a compiled network before encoding, for compile() and for the dumps.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "compiler/graph.hpp"
#include "compiler/listing.hpp"
#include "compiler/memory_plan.hpp"

namespace anzan::compiler {

struct Programs {
  Listing initialize, calibrate, step, evaluate, two_steps, exchange;
  std::vector<Region> regions;                         // what their region_of counts
  std::vector<std::uint32_t> scalars;                  // initial scalar table
  std::vector<std::pair<int, double>> learning_rates;  // scalar, multiplier of the learning rate
  std::vector<std::string> notes;                      // what the tile searches decided
};

// The differentiated network with every tensor placed; `memory` receives the plan if not null.
Graph build_graph(const Network& network, const Precision& precision, const TrainingParameters& training,
                  const ChipParameters& chip, const SystemParameters& system = {}, HbmPlan* memory = nullptr);
Programs build_programs(const Graph& graph);

}  // namespace anzan::compiler
