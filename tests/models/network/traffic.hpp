// Traffic for the tests of the network: messages as data, seeded random ones, and a run that keeps what was
// delivered when.
#pragma once
#include <cstdint>
#include <map>
#include <random>
#include <vector>

#include "models/network/network.hpp"

namespace anzan::models {

struct TestMessage {
  std::int64_t time_fs;
  int source, destination;
  std::int64_t bytes;
};

inline int pick(std::mt19937& random, int least, int most) {
  return std::uniform_int_distribution<int>(least, most)(random);
}

inline std::vector<TestMessage> random_traffic(std::mt19937& random, int endpoints, int messages,
                                               int most_time_fs, int most_bytes) {
  std::vector<TestMessage> result;
  for (int k = 0; k < messages; ++k) {
    const int source = pick(random, 0, endpoints - 1), other = pick(random, 0, endpoints - 2);
    result.push_back({pick(random, 0, most_time_fs), source, other < source ? other : other + 1,
                      pick(random, 1, most_bytes)});
  }
  return result;
}

// A connected graph: a random tree with some more cables; the nodes above `endpoints` are switches.
inline Topology random_topology(std::mt19937& random, int nodes, int endpoints, int more_cables,
                                const std::vector<LinkParameters>& links) {
  const auto any = [&] {
    return links[static_cast<std::size_t>(pick(random, 0, static_cast<int>(links.size()) - 1))];
  };
  std::vector<Cable> cables;
  for (int node = 1; node < nodes; ++node) cables.push_back({node, pick(random, 0, node - 1), any()});
  for (int k = 0; k < more_cables && nodes > 1; ++k) {
    const int a = pick(random, 0, nodes - 1), b = pick(random, 0, nodes - 2);
    cables.push_back({a, b < a ? b : b + 1, any()});
  }
  return {nodes, endpoints, cables};
}

// Delivery times by message; what is missing was not delivered when nothing more could happen.
inline std::map<std::uint64_t, std::int64_t> run_messages(const Topology& topology, const RoutingTable& table,
                                                          const PacketFormat& packet,
                                                          const std::vector<TestMessage>& messages) {
  std::map<std::uint64_t, std::int64_t> delivered;
  Network network(topology, table, packet,
                  [&](std::uint64_t id, std::int64_t time_fs) { delivered[id] = time_fs; });
  for (const TestMessage& m : messages) network.inject(m.time_fs, m.source, m.destination, m.bytes);
  while (const auto next = network.next_event()) network.advance(*next);
  return delivered;
}

}  // namespace anzan::models
