// Routes: as short as a breadth-first search of their own says, free of circles by a search of their own, and
// up*/down* by its definition.
#include "models/network/routing.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <set>
#include <stdexcept>

#include "tests/models/network/traffic.hpp"

namespace anzan::models::routing_test {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;
using Error = std::invalid_argument;

constexpr LinkParameters kLink{1, 1, 1, 1};

std::vector<int> hops_from(const Topology& topology, int source) {
  std::vector<int> hops(static_cast<std::size_t>(topology.nodes()), -1);
  std::deque<int> queue = {source};
  hops[static_cast<std::size_t>(source)] = 0;
  while (!queue.empty()) {
    const int node = queue.front();
    queue.pop_front();
    for (const Link& link : topology.links()) {
      if (link.from != node || hops[static_cast<std::size_t>(link.to)] >= 0) continue;
      hops[static_cast<std::size_t>(link.to)] = hops[static_cast<std::size_t>(node)] + 1;
      queue.push_back(link.to);
    }
  }
  return hops;
}

// Takes away channels that wait for none which is left, until nothing changes: what remains is in circles.
bool circles_remain(const Topology& topology, const RoutingTable& table) {
  std::set<std::pair<int, int>> waits;
  for (int a = 0; a < topology.endpoints(); ++a) {
    for (int b = 0; b < topology.endpoints(); ++b) {
      const std::vector<int> path = table.path(topology, a, b);
      for (std::size_t k = 1; k < path.size(); ++k) waits.insert({path[k - 1], path[k]});
    }
  }
  for (std::size_t before = waits.size() + 1; before != waits.size();) {
    before = waits.size();
    std::set<int> holders;
    for (const auto& wait : waits) holders.insert(wait.first);
    for (auto wait = waits.begin(); wait != waits.end();)
      wait = holders.count(wait->second) == 0 ? waits.erase(wait) : std::next(wait);
  }
  return !waits.empty();
}

std::vector<Topology> grids() {
  std::vector<Topology> result;
  for (const std::vector<int>& sizes :
       {std::vector<int>{1}, {2}, {3}, {4}, {9}, {3, 3}, {4, 5}, {2, 6}, {3, 4, 3}, {2, 2, 2, 3}}) {
    result.push_back(Topology::torus(sizes, kLink));
    result.push_back(Topology::mesh(sizes, kLink));
  }
  result.push_back(Topology::mesh({2, 2, 2, 2, 2}, kLink));
  return result;
}

TEST(Routing, BuiltInTopologiesGoTheFewestHopsWithoutCircles) {
  std::vector<Topology> topologies = grids();
  topologies.push_back(Topology::full(7, kLink));
  topologies.push_back(Topology::star(7, kLink));
  for (const Topology& topology : topologies) {
    const RoutingTable table = build_routing(topology);
    for (int a = 0; a < topology.endpoints(); ++a) {
      const std::vector<int> hops = hops_from(topology, a);
      for (int b = 0; b < topology.endpoints(); ++b)
        EXPECT_EQ(static_cast<int>(table.path(topology, a, b).size()), hops[static_cast<std::size_t>(b)]);
    }
    EXPECT_FALSE(dependency_cycle(topology, table));
    EXPECT_FALSE(circles_remain(topology, table));
  }
}

TEST(Routing, DimensionAfterDimension) {
  for (const Topology& topology : grids()) {
    const RoutingTable table = dimension_order(topology);
    for (int a = 0; a < topology.nodes(); ++a) {
      for (int b = 0; b < topology.nodes(); ++b) {
        int last_stride_dimension = -1;
        for (const int channel : table.path(topology, a, b)) {
          const Link& link = topology.links()[static_cast<std::size_t>(table.link_of(channel))];
          int dimension = 0;  // the only one in which the ends of the link differ
          int from = link.from, to = link.to;
          for (const int size : topology.sizes()) {
            if (from % size != to % size) break;
            from /= size;
            to /= size;
            ++dimension;
          }
          EXPECT_GE(dimension, last_stride_dimension);
          last_stride_dimension = dimension;
        }
      }
    }
  }
}

TEST(Routing, VirtualChannelSaysWhetherTheEndIsStillAhead) {
  const Topology ring = Topology::torus({6}, kLink);
  const RoutingTable table = dimension_order(ring);
  const auto channels = [&](int from, int to) {
    std::vector<int> result;
    for (const int channel : table.path(ring, from, to)) result.push_back(channel % 2);
    return result;
  };
  EXPECT_EQ(channels(4, 1), (std::vector<int>{0, 0, 1}));
  EXPECT_EQ(channels(1, 5), (std::vector<int>{0, 0}));
  EXPECT_EQ(channels(0, 3), (std::vector<int>{1, 1, 1}));
}

TEST(Routing, SearchForCirclesAgreesWithOneOfItsOwn) {
  int with = 0, without = 0;
  for (unsigned seed = 1; seed <= 150; ++seed) {
    std::mt19937 random(seed);
    const int nodes = pick(random, 5, 14);
    const Topology topology =
        random_topology(random, nodes, pick(random, 4, nodes), pick(random, 1, 3), {kLink});
    const RoutingTable table = shortest_path(topology);
    const auto cycle = dependency_cycle(topology, table);
    EXPECT_EQ(cycle.has_value(), circles_remain(topology, table)) << "seed " << seed;
    ++(cycle ? with : without);
    if (!cycle) continue;
    for (std::size_t k = 0; k < cycle->size(); ++k) {  // it is one: each link begins where the last ends
      const auto link = [&](std::size_t at) -> const Link& {
        return topology.links()[static_cast<std::size_t>(table.link_of((*cycle)[at % cycle->size()]))];
      };
      EXPECT_EQ(link(k).to, link(k + 1).from);
    }
  }
  EXPECT_GT(with, 10);
  EXPECT_GT(without, 10);
}

TEST(Routing, UpDownHasNoCircles) {
  for (unsigned seed = 1; seed <= 150; ++seed) {
    std::mt19937 random(seed);
    const int nodes = pick(random, 2, 12);
    const Topology topology =
        random_topology(random, nodes, pick(random, 1, nodes), pick(random, 0, 12), {kLink});
    const RoutingTable table = up_down(topology);
    EXPECT_FALSE(circles_remain(topology, table)) << "seed " << seed;
    for (int a = 0; a < topology.endpoints(); ++a)
      for (int b = 0; b < topology.endpoints(); ++b) EXPECT_EQ(table.path(topology, a, b).empty(), a == b);
  }
}

TEST(Routing, MethodsByName) {
  const Topology ring(5, 5, {{0, 1, kLink}, {1, 2, kLink}, {2, 3, kLink}, {3, 4, kLink}, {4, 0, kLink}});
  EXPECT_THAT(
      [&] { build_routing(ring, "shortest_path"); },
      ThrowsMessage<Error>(HasSubstr("shortest_path can deadlock: the links 0->1, 1->2, 2->3, 3->4, 4->0")));
  EXPECT_FALSE(dependency_cycle(ring, build_routing(ring)));
  EXPECT_THAT([&] { build_routing(ring, "dimension_order"); },
              ThrowsMessage<Error>(HasSubstr("needs a mesh or torus")));
  const Topology broken = Topology::torus({4, 4}, kLink).without({{0, 1}});
  EXPECT_THAT([&] { build_routing(broken, "dimension_order"); },
              ThrowsMessage<Error>(HasSubstr("without failed links")));
  EXPECT_THAT([&] { build_routing(ring, "detour"); },
              ThrowsMessage<Error>(HasSubstr("detour needs a mesh or torus")));
  EXPECT_THAT([&] { build_routing(ring, "hot_potato"); },
              ThrowsMessage<Error>(
                  HasSubstr("expected one of automatic, dimension_order, detour, shortest_path, up_down")));
  EXPECT_THAT([&] { build_routing(Topology::star(10000, kLink)); }, ThrowsMessage<Error>(HasSubstr("2^26")));
}

// Any one link of a grid, by detours: the fewest hops, no circles, and elsewhere the ways of the whole grid.
TEST(Routing, OneFailureIsRoutedAround) {
  for (const Topology& grid :
       {Topology::torus({6}, kLink), Topology::torus({4, 4}, kLink), Topology::torus({7, 3}, kLink),
        Topology::torus({3, 8}, kLink), Topology::mesh({4, 3}, kLink), Topology::mesh({2, 2, 2}, kLink)}) {
    for (std::size_t l = 0; l < grid.links().size(); l += 2) {
      const int from = grid.links()[l].from, to = grid.links()[l].to;
      const Topology topology = grid.without({{from, to}});
      const RoutingTable table = build_routing(topology, "detour"), whole = dimension_order(grid);
      EXPECT_FALSE(circles_remain(topology, table)) << from << "-" << to;
      for (int a = 0; a < topology.nodes(); ++a) {
        const std::vector<int> hops = hops_from(topology, a);
        for (int b = 0; b < topology.nodes(); ++b) {
          const std::vector<int> path = table.path(topology, a, b);
          EXPECT_EQ(static_cast<int>(path.size()), hops[static_cast<std::size_t>(b)]);
          bool usual = true;
          std::vector<std::pair<int, int>> ends, whole_ends;
          for (const int channel : path) {
            const Link& link = topology.links()[static_cast<std::size_t>(table.link_of(channel))];
            ends.emplace_back(link.from, link.to);
          }
          for (const int channel : whole.path(grid, a, b)) {
            const Link& link = grid.links()[static_cast<std::size_t>(whole.link_of(channel))];
            whole_ends.emplace_back(link.from, link.to);
            usual =
                usual && whole_ends.back() != std::pair(from, to) && whole_ends.back() != std::pair(to, from);
          }
          if (usual) {
            EXPECT_EQ(ends, whole_ends);
          }
        }
      }
    }
  }
}

TEST(Routing, ManyFailuresAreRoutedAround) {
  int detours = 0;
  for (unsigned seed = 1; seed <= 30; ++seed) {
    std::mt19937 random(seed);
    Topology topology = Topology::torus({8, 8}, kLink);
    for (int k = 0; k < 4; ++k) {
      const Link& link = topology.links()[static_cast<std::size_t>(
          pick(random, 0, static_cast<int>(topology.links().size()) - 1))];
      topology = topology.without({{link.from, link.to}});
    }
    const RoutingTable table = build_routing(topology);
    EXPECT_FALSE(circles_remain(topology, table)) << "seed " << seed;
    if (table.virtual_channels() == 4) ++detours;
  }
  EXPECT_GE(detours, 8);
  EXPECT_LT(detours, 30);  // otherwise up_down was never needed
}

// The table of 1,024 chips, and its proof.
TEST(Routing, AThousandChips) {
  for (const Topology& topology : {Topology::torus({8, 8, 16}, kLink), Topology::star(1024, kLink)}) {
    const RoutingTable table = build_routing(topology);
    EXPECT_EQ(table.path(topology, 0, 1023).size(), topology.sizes().empty() ? 2U : 3U);
  }
}

}  // namespace
}  // namespace anzan::models::routing_test
