// Systems as tests of sim/ write them down.
#pragma once
#include <functional>
#include <nlohmann/json.hpp>
#include <numeric>
#include <string>
#include <vector>

#include "sim/configuration/configuration.hpp"
#include "tests/sim/synthetic_data.hpp"

namespace anzan::sim::testing {

// Chips of a topology of these sizes, counted here and not asked of the models.
inline int chips_of(const std::string& kind, const std::vector<int>& sizes) {
  if (kind == "hypercube") return 1 << sizes.front();
  return std::accumulate(sizes.begin(), sizes.end(), 1, std::multiplies<>());
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
