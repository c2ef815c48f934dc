// Contention: every delivery of random traffic on random networks in the very femtosecond in which the naive
// simulation has it.
#include "tests/models/network/network_by_ticks.hpp"

#include <gtest/gtest.h>

namespace anzan::models::network_by_ticks_test {
namespace {

LinkParameters random_link(std::mt19937& random) {
  return {pick(random, 1, 4), pick(random, 1, 5), pick(random, 1, 12), pick(random, 1, 3)};
}

Topology random_network(std::mt19937& random) {
  const LinkParameters link = random_link(random);
  switch (pick(random, 0, 7)) {
    case 0:
      return Topology::torus({pick(random, 3, 6)}, link);
    case 1:
      return Topology::torus({pick(random, 2, 4), pick(random, 3, 4)}, link);
    case 2:
      return Topology::mesh({2, 2, pick(random, 1, 3)}, link);
    case 3:
      return Topology::full(pick(random, 2, 5), link);
    case 4:
      return Topology::star(pick(random, 2, 6), link);
    case 5:
      return Topology::torus({3, pick(random, 3, 5)}, link).without({{0, 1}, {4, 5}});
    default: {
      const int nodes = pick(random, 2, 9);
      return random_topology(random, nodes, pick(random, 2, nodes), pick(random, 0, 5),
                             {random_link(random), random_link(random), random_link(random)});
    }
  }
}

TEST(NetworkByTicks, SameFemtosecond) {
  for (unsigned seed = 1; seed <= 1500; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937 random(seed);
    const Topology topology = random_network(random);
    const RoutingTable table = build_routing(topology);
    const PacketFormat format{pick(random, 1, 8), pick(random, 0, 3)};
    const auto messages =
        random_traffic(random, topology.endpoints(), pick(random, 1, 40), pick(random, 0, 200), 30);
    const auto expected = run_by_ticks(topology, table, format, messages, 100000);
    ASSERT_EQ(expected.size(), messages.size());
    ASSERT_EQ(run_messages(topology, table, format, messages), expected);
  }
}

}  // namespace
}  // namespace anzan::models::network_by_ticks_test
