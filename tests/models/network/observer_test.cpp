// What an observer is told of a network's links: counters, deliveries and ways follow from it, and nothing
// changes because of it.
#include "models/network/observer.hpp"

#include <gtest/gtest.h>

#include <array>

#include "tests/models/network/traffic.hpp"

namespace anzan::models::observer_test {
namespace {

class Watcher : public NetworkObserver {
 public:
  void carries(const Occupation& occupation) override { seen.push_back(occupation); }
  std::vector<Occupation> seen;
};

TEST(NetworkObserver, SeesEveryPacketOnEveryLinkOfItsWay) {
  constexpr PacketFormat kPacket{50, 7};
  for (std::uint32_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937 random(seed);
    const Topology topology =
        random_topology(random, pick(random, 2, 9), 2, 4, {{1, 3, 11, 2}, {2, 5, 40, 3}, {7, 10, 1, 1}});
    const RoutingTable table = build_routing(topology);
    const std::vector<TestMessage> messages = random_traffic(random, topology.endpoints(), 40, 3000, 400);
    std::map<std::uint64_t, std::int64_t> delivered;
    Network network(topology, table, kPacket,
                    [&](std::uint64_t id, std::int64_t time_fs) { delivered[id] = time_fs; });
    Watcher watcher;
    network.observe(&watcher);
    for (const TestMessage& m : messages) network.inject(m.time_fs, m.source, m.destination, m.bytes);
    while (const auto next = network.next_event()) network.advance(*next);
    EXPECT_EQ(delivered, run_messages(topology, table, kPacket, messages));

    struct Sum {
      std::int64_t bytes = 0, packets = 0, busy_fs = 0, free_from_fs = 0;
    };
    std::map<int, Sum> links;
    std::map<std::uint64_t, std::map<int, Sum>> ways;
    std::int64_t now_fs = 0;
    for (const Occupation& o : watcher.seen) {
      const TestMessage& m = messages.at(o.message);
      EXPECT_EQ(o.source, m.source);
      EXPECT_EQ(o.destination, m.destination);
      EXPECT_GE(o.begin_fs, std::max(now_fs, m.time_fs));
      now_fs = o.begin_fs;
      EXPECT_GE(o.begin_fs, links[o.link].free_from_fs);
      for (Sum* sum : {&links[o.link], &ways[o.message][o.link]}) {
        sum->bytes += o.bytes;
        ++sum->packets;
        sum->busy_fs += o.end_fs - o.begin_fs;
        sum->free_from_fs = o.end_fs;
      }
    }
    for (int l = 0; l < static_cast<int>(topology.links().size()); ++l) {
      EXPECT_EQ(links[l].bytes, network.counters(l).bytes);
      EXPECT_EQ(links[l].packets, network.counters(l).packets);
      EXPECT_EQ(links[l].busy_fs, network.counters(l).busy_fs);
    }
    for (std::uint64_t id = 0; id < messages.size(); ++id) {
      const TestMessage& m = messages[id];
      const std::int64_t packets = (m.bytes + 49) / 50;
      std::map<int, Sum>& way = ways[id];
      const std::vector<int> path = table.path(topology, m.source, m.destination);
      EXPECT_EQ(way.size(), path.size());
      for (const int channel : path) {
        const Sum& sum = way[table.link_of(channel)];
        EXPECT_EQ(sum.packets, packets);
        EXPECT_EQ(sum.bytes, m.bytes + 7 * packets);
      }
      const int last = table.link_of(path.back());
      EXPECT_EQ(delivered[id], way[last].free_from_fs +
                                   topology.links()[static_cast<std::size_t>(last)].parameters.latency_fs);
    }
  }
}

}  // namespace
}  // namespace anzan::models::observer_test
