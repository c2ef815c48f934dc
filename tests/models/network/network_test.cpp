// Packets in time: latencies and collectives by formula, shares of a link, what is kept and what is counted,
// and what is refused.
#include "models/network/network.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/models/network/traffic.hpp"

namespace anzan::models::network_test {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

constexpr LinkParameters kLink{1, 80000, 100000000, 256};  // 12.5 GB/s, 100 ns
constexpr PacketFormat kPacket{1920, 128};

std::vector<Topology> one_of_each() {
  return {Topology::torus({7}, kLink),
          Topology::torus({4, 5}, kLink),
          Topology::torus({3, 4, 2}, kLink),
          Topology::mesh({4, 3}, kLink),
          Topology::mesh({2, 2, 2, 2}, kLink),
          Topology::full(6, kLink),
          Topology::star(6, kLink),
          Topology(4, 4, {{0, 1, kLink}, {1, 2, kLink}, {2, 3, kLink}})};
}

TEST(Network, IdleLatencyIsHopsAndOneSerialisation) {
  for (const Topology& topology : one_of_each()) {
    const RoutingTable table = build_routing(topology);
    for (int source = 0; source < topology.endpoints(); ++source) {
      for (int to = 0; to < topology.endpoints(); ++to) {
        if (to == source) continue;
        const auto hops = static_cast<std::int64_t>(table.path(topology, source, to).size());
        for (const std::int64_t bytes : {0, 1, 1920, 1921, 100000}) {
          const std::int64_t packets = bytes == 0 ? 1 : (bytes + 1919) / 1920;
          const std::int64_t expected = 5 + hops * kLink.latency_fs + (bytes + 128 * packets) * 80000;
          const auto delivered = run_messages(topology, table, kPacket, {{5, source, to, bytes}});
          ASSERT_EQ(delivered.at(0), expected) << source << " -> " << to << ", " << bytes << " bytes";
        }
      }
    }
  }
}

// Store and forward, as it would be, is not what happens; nor does a fast link run out of a slow one's bytes.
TEST(Network, LinksOfDifferentSpeed) {
  const LinkParameters slow{1, 10, 7, 9}, fast{5, 10, 3, 9};
  const Topology topology(3, 3, {{0, 1, slow}, {1, 2, fast}});
  const RoutingTable table = build_routing(topology);
  // 20 bytes: 200 fs and 40 fs. Up: the last byte follows without a gap. Down: begins at once.
  EXPECT_EQ(run_messages(topology, table, {20, 0}, {{0, 0, 2, 20}}).at(0), 7 + (200 - 40) + 3 + 40);
  EXPECT_EQ(run_messages(topology, table, {20, 0}, {{0, 2, 0, 20}}).at(0), 3 + 7 + 200);
}

// Segments of `bytes` go round the ring, each node sending on what it has just received.
std::int64_t ring_all_reduce_fs(int nodes, std::int64_t bytes) {
  const Topology topology = Topology::torus({nodes}, kLink);
  struct Step {
    int node, round;
  };
  std::map<std::uint64_t, Step> steps;
  std::int64_t last_fs = 0;
  Network* network = nullptr;
  const auto send = [&](std::int64_t time_fs, int node, int round) {
    steps[network->inject(time_fs, node, (node + 1) % nodes, bytes / nodes)] = {node, round};
  };
  Network ring(topology, build_routing(topology), {1920, 0}, [&](std::uint64_t id, std::int64_t time_fs) {
    const Step step = steps.at(id);
    last_fs = time_fs;
    if (step.round + 1 < 2 * (nodes - 1)) send(time_fs, (step.node + 1) % nodes, step.round + 1);
  });
  network = &ring;
  for (int node = 0; node < nodes; ++node) send(0, node, 0);
  while (const auto next = ring.next_event()) ring.advance(*next);
  EXPECT_EQ(steps.size(), static_cast<std::size_t>(nodes * 2 * (nodes - 1)));
  return last_fs;
}

TEST(Network, RingAllReduceTakesItsFormula) {
  for (const int nodes : {2, 3, 8, 17}) {
    const std::int64_t bytes = 12345LL * nodes;
    EXPECT_EQ(ring_all_reduce_fs(nodes, bytes),
              2 * (nodes - 1) * (bytes / nodes * kLink.period_fs + kLink.latency_fs))
        << nodes << " nodes";
  }
}

TEST(Network, FlowsShareALinkEvenly) {
  for (const int flows : {2, 3, 5}) {
    const Topology topology = Topology::star(flows + 1, {1, 10, 25, 8});
    std::vector<int> received(static_cast<std::size_t>(flows), 0);
    int total = 0;
    Network network(topology, build_routing(topology), {64, 0}, [&](std::uint64_t id, std::int64_t) {
      ++received[id % static_cast<std::uint64_t>(flows)];
      if (++total > 300 * flows) return;  // the flows end one after the other
      const auto [least, most] = std::minmax_element(received.begin(), received.end());
      EXPECT_LE(*most - *least, 1);
    });
    for (int k = 0; k < 400; ++k)
      for (int flow = 0; flow < flows; ++flow) network.inject(0, flow, flows, 64);
    while (const auto next = network.next_event()) network.advance(*next);
    EXPECT_EQ(total, 400 * flows);
  }
}

// A flow through a ring and one that enters behind it share the link, though they use other virtual channels.
TEST(Network, VirtualChannelsShareALinkEvenly) {
  const Topology topology = Topology::torus({6}, {1, 10, 25, 2});
  std::vector<int> received(2, 0);
  Network network(topology, build_routing(topology), {64, 0},
                  [&](std::uint64_t id, std::int64_t) { ++received[id % 2]; });
  for (int k = 0; k < 200; ++k) {
    network.inject(0, 4, 0, 64);  // over the end: channel 0 of 4 -> 5
    network.inject(0, 3, 5, 64);  // not: channel 1
  }
  network.advance(640 * 100);
  EXPECT_NEAR(received[0], received[1], 2);
  EXPECT_GT(received[0], 40);
}

TEST(Network, NothingIsLostAndAllCreditsReturn) {
  for (unsigned seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937 random(seed);
    const int nodes = pick(random, 3, 12);
    const Topology topology = random_topology(random, nodes, pick(random, 2, nodes), pick(random, 0, 6),
                                              {{3, 7, 20, 2}, {1, 2, 5, 4}, {2, 1, 50, 1}});
    const RoutingTable table = build_routing(topology);
    const PacketFormat packet{16, 2};
    const auto messages = random_traffic(random, topology.endpoints(), 200, 2000, 100);
    std::int64_t delivered = 0, last_fs = 0;
    Network network(topology, table, packet, [&](std::uint64_t, std::int64_t time_fs) {
      ++delivered;
      EXPECT_GE(time_fs, last_fs);
      last_fs = time_fs;
    });
    std::vector<LinkCounters> expected(topology.links().size());
    for (const TestMessage& m : messages) {
      network.inject(m.time_fs, m.source, m.destination, m.bytes);
      for (const int channel : table.path(topology, m.source, m.destination)) {
        const auto link = static_cast<std::size_t>(table.link_of(channel));
        for (std::int64_t sent = 0; sent < m.bytes; sent += 16) {
          const std::int64_t bytes = std::min<std::int64_t>(16, m.bytes - sent) + 2;
          ++expected[link].packets;
          expected[link].bytes += bytes;
          expected[link].busy_fs += topology.links()[link].parameters.serialisation_fs(bytes);
        }
      }
    }
    while (const auto next = network.next_event()) network.advance(*next);
    EXPECT_EQ(delivered, 200);
    EXPECT_EQ(network.messages_under_way(), 0);
    EXPECT_EQ(network.packets_under_way(), 0);
    for (std::size_t l = 0; l < expected.size(); ++l) {
      const LinkCounters& found = network.counters(static_cast<int>(l));
      EXPECT_EQ(found.packets, expected[l].packets);
      EXPECT_EQ(found.bytes, expected[l].bytes);
      EXPECT_EQ(found.busy_fs, expected[l].busy_fs);
      for (int vc = 0; vc < table.virtual_channels(); ++vc)
        EXPECT_EQ(network.credits(static_cast<int>(l) * table.virtual_channels() + vc),
                  topology.links()[l].parameters.buffer_packets);
    }
  }
}

TEST(Network, DeliveriesOfOneMomentComeById) {
  const Topology topology = Topology::full(12, kLink);
  std::vector<std::uint64_t> order;
  Network network(topology, build_routing(topology), kPacket,
                  [&](std::uint64_t id, std::int64_t) { order.push_back(id); });
  std::vector<std::uint64_t> expected;
  for (int k = 0; k < 12; ++k) expected.push_back(network.inject(0, (k * 5) % 12, (k * 7 + 3) % 12, 100));
  while (const auto next = network.next_event()) network.advance(*next);
  EXPECT_EQ(order, expected);
}

// Advancing in steps of any length, and injecting late, changes nothing.
TEST(Network, StepsOfTheOuterSimulationDoNotMatter) {
  const Topology topology = Topology::torus({4, 4}, {1, 3, 11, 2});
  const RoutingTable table = build_routing(topology);
  std::mt19937 random(7);
  auto messages = random_traffic(random, 16, 300, 3000, 90);
  std::stable_sort(messages.begin(), messages.end(),
                   [](const TestMessage& a, const TestMessage& b) { return a.time_fs < b.time_fs; });
  std::map<std::uint64_t, std::int64_t> delivered;
  Network network(topology, table, {16, 1},
                  [&](std::uint64_t id, std::int64_t time_fs) { delivered[id] = time_fs; });
  std::size_t k = 0;
  for (std::int64_t time_fs = 0; k < messages.size() || network.next_event();
       time_fs += pick(random, 1, 40)) {
    while (k < messages.size() && messages[k].time_fs <= time_fs) {
      const TestMessage& m = messages[k++];
      if (m.time_fs > network.now_fs()) network.advance(m.time_fs - 1);
      network.inject(m.time_fs, m.source, m.destination, m.bytes);
    }
    network.advance(std::max(time_fs, network.now_fs()));
  }
  EXPECT_EQ(delivered, run_messages(topology, table, {16, 1}, messages));
}

// A message of 2^40 bytes has a thousand million packets, and only those under way exist.
TEST(Network, LongMessagesAreCutAsTheyGo) {
  const Topology topology = Topology::torus({8}, kLink);
  Network network(topology, build_routing(topology), {1024, 0}, [](std::uint64_t, std::int64_t) {});
  network.inject(0, 0, 3, std::int64_t{1} << 40);
  network.advance(1000000000000);
  EXPECT_GT(network.counters(0).packets, 10000);
  EXPECT_LE(network.packets_under_way(), 3 * 256);
}

TEST(Network, RefusesWhatCannotBe) {
  const Topology topology = Topology::star(3, kLink);
  const RoutingTable table = build_routing(topology);
  Network network(topology, table, {64, 0}, [](std::uint64_t, std::int64_t) {});
  network.advance(10);
  using Error = std::invalid_argument;
  EXPECT_THAT([&] { network.inject(9, 0, 1, 1); }, ThrowsMessage<Error>(HasSubstr("at 9 fs, but it is 10")));
  EXPECT_THAT([&] { network.advance(9); }, ThrowsMessage<Error>(HasSubstr("back to 9 fs from 10")));
  EXPECT_THAT([&] { network.inject(10, 0, 3, 1); }, ThrowsMessage<Error>(HasSubstr("expected 0 to 2")));
  EXPECT_THAT([&] { network.inject(10, -1, 2, 1); }, ThrowsMessage<Error>(HasSubstr("endpoint -1")));
  EXPECT_THAT([&] { network.inject(10, 1, 1, 1); }, ThrowsMessage<Error>(HasSubstr("to itself")));
  EXPECT_THAT([&] { network.inject(10, 0, 1, 0); }, ThrowsMessage<Error>(HasSubstr("expected at least 1")));
  EXPECT_THAT(
      [&] {
        Network(topology, table, {0, 8}, nullptr);
      },
      ThrowsMessage<Error>(HasSubstr("payload_bytes")));
}

}  // namespace
}  // namespace anzan::models::network_test
