// Graphs of every kind: who is whose neighbour by the definition of the kind, failed links, and refusals.
#include "models/network/topology.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <stdexcept>

namespace anzan::models::topology_test {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;
using Error = std::invalid_argument;
using Pairs = std::multiset<std::pair<int, int>>;

constexpr LinkParameters kLink{1, 1, 1, 1};

Pairs pairs(const Topology& topology) {
  Pairs result;
  for (const Link& link : topology.links()) result.insert({link.from, link.to});
  return result;
}

Topology build(const std::string& kind, const std::vector<int>& sizes) {
  return build_topology({kind, sizes, kLink, {}, {}});
}

template <typename Joined>
Pairs all_pairs(int nodes, Joined joined) {
  Pairs result;
  for (int a = 0; a < nodes; ++a)
    for (int b = 0; b < nodes; ++b)
      if (a != b && joined(a, b)) result.insert({a, b});
  return result;
}

TEST(Topology, KindsByTheirDefinition) {
  EXPECT_EQ(pairs(build("ring", {5})),
            all_pairs(5, [](int a, int b) { return (a - b + 5) % 5 == 1 || (b - a + 5) % 5 == 1; }));
  EXPECT_EQ(pairs(build("full", {6})), all_pairs(6, [](int, int) { return true; }));
  EXPECT_EQ(pairs(build("switch", {6})), all_pairs(7, [](int a, int b) { return a == 6 || b == 6; }));
  EXPECT_EQ(build("switch", {6}).endpoints(), 6);
  EXPECT_EQ(pairs(build("hypercube", {4})), all_pairs(16, [](int a, int b) {
              return __builtin_popcount(static_cast<unsigned>(a ^ b)) == 1;
            }));
  const auto steps = [](int a, int b, int size, bool ring) {
    const int d = std::abs(a - b);
    return ring ? std::min(d, size - d) : d;
  };
  for (const bool torus : {false, true}) {
    EXPECT_EQ(pairs(build(torus ? "torus" : "mesh", {3, 2, 4})), all_pairs(24, [&](int a, int b) {
                return steps(a % 3, b % 3, 3, torus) + steps(a / 3 % 2, b / 3 % 2, 2, torus) +
                           steps(a / 6, b / 6, 4, torus) ==
                       1;
              }));
  }
}

TEST(Topology, CablesBecomePairsOfLinks) {
  const LinkParameters slow{1, 9, 7, 3};
  const Topology topology = build_topology({"links", {3, 2}, kLink, {{0, 2, kLink}, {2, 1, slow}}, {}});
  EXPECT_EQ(topology.nodes(), 3);
  EXPECT_EQ(topology.endpoints(), 2);
  EXPECT_EQ(topology.links()[3].from, 1);
  EXPECT_EQ(topology.links()[3].to, 2);
  EXPECT_EQ(topology.links()[3].parameters.latency_fs, 7);
  EXPECT_EQ(topology.link_between(1, 2), 3);
  EXPECT_EQ(topology.link_between(0, 1), -1);
}

TEST(Topology, SmallestSizes) {
  EXPECT_EQ(build("ring", {1}).links().size(), 0U);
  EXPECT_EQ(build("ring", {2}).links().size(), 2U);
  EXPECT_EQ(build("hypercube", {0}).nodes(), 1);
  EXPECT_EQ(build("full", {1}).nodes(), 1);
}

// Who asks for no sizes gets a network of so many endpoints, of every kind but the one whose links are
// listed.
TEST(Topology, DefaultSizesGiveTheEndpoints) {
  for (const std::string& kind : topology_kinds()) {
    for (const int endpoints : {1, 2, 8, 64}) {
      const std::vector<int> sizes = default_sizes(kind, endpoints);
      if (kind == "links") {
        EXPECT_THROW(build(kind, sizes), Error);
      } else {
        EXPECT_EQ(build(kind, sizes).endpoints(), endpoints) << kind;
      }
    }
  }
  EXPECT_THROW(default_sizes("moebius", 4), Error);
}

// Counted: a grid consists of rings if each node has two neighbours in each dimension of three and more.
TEST(Topology, AllRingsIsWhatTheLinksSay) {
  for (const char* kind : {"ring", "torus", "mesh", "hypercube"}) {
    for (const std::vector<int>& sizes :
         std::vector<std::vector<int>>{{1}, {2}, {3}, {2, 2}, {3, 2}, {2, 4}}) {
      if (sizes.size() > 1 && (kind == std::string("ring") || kind == std::string("hypercube"))) continue;
      const Topology t = build(kind, sizes);
      bool rings = true;
      for (int node = 0; node < t.nodes(); ++node) {
        std::size_t neighbours = 0;
        for (const int size : t.sizes()) neighbours += static_cast<std::size_t>(std::min(size - 1, 2));
        rings = rings && t.out_links(node).size() == neighbours;
      }
      EXPECT_EQ(t.all_rings(), rings) << kind << ' ' << sizes.size();
    }
  }
  EXPECT_TRUE(build("torus", {3, 4}).all_rings());
  EXPECT_TRUE(build("mesh", {2, 2}).all_rings());
  EXPECT_FALSE(build("mesh", {3, 2}).all_rings());
  EXPECT_FALSE(build("full", {3}).all_rings());
  EXPECT_FALSE(build("switch", {2}).all_rings());
}

TEST(Topology, FailedLinksAreGone) {
  const Topology topology = build_topology({"torus", {3, 3}, kLink, {}, {{1, 0}, {4, 5}}});
  EXPECT_EQ(topology.links().size(), 2U * (18 - 2));
  for (const auto& [a, b] : {std::pair(0, 1), {1, 0}, {4, 5}, {5, 4}})
    EXPECT_EQ(topology.link_between(a, b), -1);
  EXPECT_FALSE(topology.whole());
  EXPECT_TRUE(build("torus", {3, 3}).whole());
}

TEST(Topology, RefusesWhatCannotBe) {
  EXPECT_THAT([] { build("moebius", {4}); },
              ThrowsMessage<Error>(HasSubstr("expected one of ring, torus, mesh")));
  EXPECT_THAT([] { build("ring", {4, 4}); }, ThrowsMessage<Error>(HasSubstr("found 2 sizes, expected 1")));
  EXPECT_THAT([] { build("torus", {}); }, ThrowsMessage<Error>(HasSubstr("at least one dimension")));
  EXPECT_THAT([] { build("torus", {4, 0}); }, ThrowsMessage<Error>(HasSubstr("dimension of 0")));
  EXPECT_THAT([] { build("mesh", {1000, 1000}); }, ThrowsMessage<Error>(HasSubstr("expected 1 to 65536")));
  EXPECT_THAT([] { build("hypercube", {17}); }, ThrowsMessage<Error>(HasSubstr("17 dimensions")));
  EXPECT_THAT([] { build("full", {4000}); }, ThrowsMessage<Error>(HasSubstr("at most 2048")));
  EXPECT_THAT([] { build("switch", {0}); }, ThrowsMessage<Error>(HasSubstr("0 endpoints")));
  EXPECT_THAT([] { build("full", {-1}); }, ThrowsMessage<Error>(HasSubstr("-1 nodes")));
  EXPECT_THAT([] { Topology(2, 2, {{0, 2, kLink}}); }, ThrowsMessage<Error>(HasSubstr("cable 0-2")));
  EXPECT_THAT([] { Topology(2, 2, {{1, 1, kLink}}); }, ThrowsMessage<Error>(HasSubstr("cable 1-1")));
  EXPECT_THAT(
      [] {
        Topology(2, 2, {{0, 1, {1, 1, 0, 1}}});
      },
      ThrowsMessage<Error>(HasSubstr("latency_fs: found 0")));
}

TEST(Topology, DisconnectedNamesTwoNodes) {
  EXPECT_THAT(
      [] {
        Topology(4, 4, {{0, 1, kLink}, {2, 3, kLink}});
      },
      ThrowsMessage<Error>(HasSubstr("from node 0 to node 2")));
  EXPECT_THAT(
      [] {
        build_topology({"ring", {4}, kLink, {}, {{0, 1}, {2, 3}}});
      },
      ThrowsMessage<Error>(HasSubstr("from node 0 to node 1")));
  EXPECT_THAT(
      [] {
        build_topology({"ring", {4}, kLink, {}, {{0, 2}}});
      },
      ThrowsMessage<Error>(HasSubstr("no link 0-2")));
}

}  // namespace
}  // namespace anzan::models::topology_test
