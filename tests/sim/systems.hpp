// Systems as tests of sim/ write them down.
#pragma once
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "models/network/topology.hpp"
#include "sim/configuration/configuration.hpp"
#include "tests/sim/synthetic_data.hpp"

namespace anzan::sim::testing {

// How many chips such a topology joins.
inline int chips_of(const std::string& kind, const std::vector<int>& sizes) {
  models::TopologyParameters parameters;
  parameters.kind = kind;
  parameters.sizes = sizes;
  parameters.link = {1, 1, 1, 1};
  return models::build_topology(parameters).endpoints();
}

// The configuration's `topology`, over these links if any are given.
inline nlohmann::json topology(const std::string& kind, const std::vector<int>& sizes,
                               const nlohmann::json& link = {}) {
  nlohmann::json block{{"kind", kind}, {"sizes", sizes}};
  if (!link.is_null()) block["link"] = link;
  return block;
}

// The configuration's `system`: a topology and its chips; over these links, if any are given, and with these
// keys besides.
inline nlohmann::json system_of(const std::string& kind, const std::vector<int>& sizes,
                                const nlohmann::json& link = {},
                                const nlohmann::json& more = nlohmann::json::object()) {
  nlohmann::json system = more;
  system["chips"] = chips_of(kind, sizes);
  system["topology"] = topology(kind, sizes, link);
  return system;
}

// The small configuration on a data set of its own, written to the directory, with these overrides.
inline Configuration small_configuration_with(const ScratchDirectory& scratch,
                                              const std::vector<std::string>& sets = {}) {
  std::vector<Override> overrides;
  for (const std::string& set : sets) overrides.push_back(parse_override(set));
  return parse_configuration(small_configuration(write_dataset(scratch.path())), scratch.path(), overrides);
}

}  // namespace anzan::sim::testing
