// The network of a system of chips with several cores each: every chip has a router; its cores hang on it by
// links of the chip, and routers are joined by the links between chips. With one core a chip, chips and cores
// are the same nodes.
#pragma once
#include <string>
#include <vector>

#include "models/network/routing.hpp"
#include "models/network/topology.hpp"

namespace anzan::models {

struct ChipsParameters {
  TopologyParameters chips;  // its endpoints are the chips
  std::string routing = "automatic";
  int cores = 1;          // of each chip
  LinkParameters onchip;  // core <-> router
};

struct ChipsNetwork {
  Topology topology{1, 1, {}};  // endpoint c * cores + k is core k of chip c
  RoutingTable routing{topology, 1};
  std::vector<bool> onchip;  // of each link
};

// Throws std::invalid_argument as build_topology and build_routing, and for fewer than one core. The routing
// of the whole is proven free of deadlock.
ChipsNetwork build_chips(const ChipsParameters& parameters);

}  // namespace anzan::models
