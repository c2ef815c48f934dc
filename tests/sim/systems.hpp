// Systems of chips, as the configuration's block `system` describes them.
#pragma once
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "models/network/topology.hpp"

namespace anzan::sim::testing {

// The block `topology`.
inline nlohmann::json topology(const std::string& kind, const std::vector<int>& sizes,
                               const nlohmann::json& link = nlohmann::json::object()) {
  return {{"kind", kind}, {"sizes", sizes}, {"link", link}};
}

// How many chips such a topology joins.
inline int chips_of(const std::string& kind, const std::vector<int>& sizes) {
  models::TopologyParameters parameters;
  parameters.kind = kind;
  parameters.sizes = sizes;
  parameters.link = {1, 1, 1, 1};
  return models::build_topology(parameters).endpoints();
}

}  // namespace anzan::sim::testing
