// The rules of models/network/README.md followed naively, tick by tick of one femtosecond, packet by packet:
// slow, small, and sharing nothing with Network but the topology and the routing table.
#pragma once
#include <cstdint>
#include <map>
#include <vector>

#include "tests/models/network/traffic.hpp"

namespace anzan::models {

// Delivery times by message number; stops after `most_ticks`.
std::map<std::uint64_t, std::int64_t> run_by_ticks(const Topology& topology, const RoutingTable& table,
                                                   const PacketFormat& format,
                                                   const std::vector<TestMessage>& messages,
                                                   std::int64_t most_ticks);

}  // namespace anzan::models
