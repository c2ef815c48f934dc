// Freedom from deadlock, seen from traffic: whatever has no circle drains with the smallest of buffers, and
// rings without their second virtual channel do not.
#include <gtest/gtest.h>

#include "tests/models/network/traffic.hpp"

namespace anzan::models::deadlock_test {
namespace {

constexpr LinkParameters kTiny{1, 1, 3, 1};

// The same ways in one virtual channel: what the dateline is there to prevent.
RoutingTable without_dateline(const Topology& topology, const RoutingTable& table) {
  RoutingTable result(topology, 1);
  for (int node = 0; node < topology.nodes(); ++node)
    for (int to = 0; to < topology.endpoints(); ++to)
      if (node != to) result.set(node, to, table.link_of(table.channel(node, to)), 0);
  return result;
}

std::vector<TestMessage> saturating(unsigned seed, int endpoints) {
  std::mt19937 random(seed);
  return random_traffic(random, endpoints, 40 * endpoints, 0, 100);
}

TEST(Deadlock, SaturatedToriWithOneBufferDrain) {
  for (const std::vector<int>& sizes : {std::vector<int>{5}, {8}, {4, 4}, {5, 3}, {3, 4, 3}, {2, 5, 2}}) {
    const Topology topology = Topology::torus(sizes, kTiny);
    const RoutingTable table = build_routing(topology);
    for (unsigned seed = 1; seed <= 5; ++seed) {
      const auto messages = saturating(seed, topology.endpoints());
      EXPECT_EQ(run_messages(topology, table, {8, 1}, messages).size(), messages.size()) << "seed " << seed;
    }
  }
}

TEST(Deadlock, WithoutDatelineToriStick) {
  for (const std::vector<int>& sizes : {std::vector<int>{5}, {8}, {5, 5}}) {
    const Topology topology = Topology::torus(sizes, kTiny);
    const RoutingTable table = without_dateline(topology, dimension_order(topology));
    EXPECT_TRUE(dependency_cycle(topology, table));
    const auto messages = saturating(1, topology.endpoints());
    EXPECT_LT(run_messages(topology, table, {8, 1}, messages).size(), messages.size());
  }
}

// The circle of waits itself, one packet a link: every node sends two hops clockwise at once.
TEST(Deadlock, TheSmallestCircle) {
  const Topology topology = Topology::torus({5}, kTiny);
  std::vector<TestMessage> messages;
  for (int node = 0; node < 5; ++node) messages.push_back({0, node, (node + 2) % 5, 8});
  const RoutingTable table = dimension_order(topology);
  EXPECT_EQ(run_messages(topology, table, {8, 0}, messages).size(), 5U);
  EXPECT_EQ(run_messages(topology, without_dateline(topology, table), {8, 0}, messages).size(), 0U);
}

TEST(Deadlock, RandomGraphsDrain) {
  int fallbacks = 0;
  for (unsigned seed = 1; seed <= 60; ++seed) {
    std::mt19937 random(seed);
    const int nodes = pick(random, 3, 14);
    const Topology topology =
        random_topology(random, nodes, pick(random, 2, nodes), pick(random, 0, 8), {kTiny});
    if (dependency_cycle(topology, shortest_path(topology))) ++fallbacks;
    const RoutingTable table = build_routing(topology);
    const auto messages = saturating(seed, topology.endpoints());
    EXPECT_EQ(run_messages(topology, table, {8, 1}, messages).size(), messages.size()) << "seed " << seed;
  }
  EXPECT_GT(fallbacks, 0);  // otherwise up_down was never needed
}

TEST(Deadlock, ToriWithFailedLinksDrain) {
  for (unsigned seed = 1; seed <= 10; ++seed) {
    std::mt19937 random(seed);
    Topology topology = Topology::torus({4, 4}, kTiny);
    for (int k = 0; k < 3; ++k) {
      const Link& link = topology.links()[static_cast<std::size_t>(
          pick(random, 0, static_cast<int>(topology.links().size()) - 1))];
      topology = topology.without({{link.from, link.to}});
    }
    const auto messages = saturating(seed, 16);
    EXPECT_EQ(run_messages(topology, build_routing(topology), {8, 1}, messages).size(), messages.size());
  }
}

}  // namespace
}  // namespace anzan::models::deadlock_test
