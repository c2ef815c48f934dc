// Cores behind the routers of their chips: ways against those of the chips alone.
#include "models/network/chips.hpp"

#include <gtest/gtest.h>

#include "models/network/network.hpp"

namespace anzan::models::chips_test {
namespace {

ChipsParameters parameters(const std::string& kind, const std::vector<int>& sizes, int cores) {
  ChipsParameters p;
  p.chips.kind = kind;
  p.chips.sizes = sizes;
  p.chips.link = {10, 1'000'000, 100'000'000, 64};
  p.cores = cores;
  p.onchip = {64, 1'000'000, 1'000'000, 64};
  return p;
}

TEST(Chips, WaysLeadThroughTheRoutersAlongTheWaysOfTheChips) {
  for (const auto& [kind, sizes] : {std::pair<std::string, std::vector<int>>{"ring", {5}},
                                    {"torus", {3, 4}},
                                    {"hypercube", {3}},
                                    {"switch", {4}},
                                    {"ring", {1}}}) {
    const ChipsParameters p = parameters(kind, sizes, 3);
    const ChipsNetwork network = build_chips(p);
    const Topology chips = build_topology(p.chips);
    const RoutingTable ways = build_routing(chips);
    ASSERT_EQ(network.topology.endpoints(), 3 * chips.endpoints());
    for (int a = 0; a < network.topology.endpoints(); ++a) {
      for (int b = 0; b < network.topology.endpoints(); ++b) {
        if (a == b) continue;
        const std::vector<int> way = network.routing.path(network.topology, a, b);
        const std::size_t between = a / 3 == b / 3 ? 0 : ways.path(chips, a / 3, b / 3).size();
        ASSERT_EQ(way.size(), between + 2) << kind << ' ' << a << ' ' << b;
        for (std::size_t k = 0; k < way.size(); ++k) {
          const auto link = static_cast<std::size_t>(network.routing.link_of(way[k]));
          EXPECT_EQ(network.onchip[link], k == 0 || k + 1 == way.size());
        }
      }
    }
    EXPECT_FALSE(dependency_cycle(network.topology, network.routing));
  }
}

TEST(Chips, AnIdleWayTakesItsLatenciesAndTheSlowestLink) {
  const ChipsNetwork network = build_chips(parameters("ring", {6}, 2));
  std::vector<std::int64_t> times;
  Network simulated(network.topology, network.routing, {2048, 0},
                    [&](std::uint64_t, std::int64_t time_fs) { times.push_back(time_fs); });
  simulated.inject(0, 0, 5, 2000);  // chip 0 to chip 2: two links between chips, two on them
  simulated.advance(1'000'000'000'000);
  ASSERT_EQ(times.size(), 1U);
  // 2000 bytes at 10 bytes in 10^6 fs; on the chips bytes are faster, and wait for nobody
  EXPECT_EQ(times[0], 2 * 100'000'000 + 2 * 1'000'000 + 200'000'000);
}

TEST(Chips, OneCoreAChipIsTheChip) {
  const ChipsNetwork network = build_chips(parameters("torus", {3, 3}, 1));
  EXPECT_EQ(network.topology.nodes(), 9);
  EXPECT_THROW(build_chips(parameters("ring", {4}, 0)), std::invalid_argument);
}

}  // namespace
}  // namespace anzan::models::chips_test
