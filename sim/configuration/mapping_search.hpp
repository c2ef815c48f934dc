// The compiler's choice of how to divide a network among the cores of a system.
#pragma once
#include <cstdint>
#include <nlohmann/json.hpp>
#include <vector>

#include "sim/configuration/configuration.hpp"

namespace anzan::sim {

struct MappingCandidate {
  SystemOptions options;
  nlohmann::json system;             // with every setting spelt out
  std::int64_t expected_cycles = 0;  // of a step, as the scheduler imagines it
};

// Every division of the configured cores into tensor, pipeline and data axes, with micro-batches in powers of
// two, that can be: that which should be fastest first, of equals that which divides least. `system` and
// `chip` as they passed the schema; what they say of stages, split layers and axes holds for all.
std::vector<MappingCandidate> mapping_candidates(const Configuration& configuration,
                                                 const nlohmann::json& system, const nlohmann::json& chip);

}  // namespace anzan::sim
