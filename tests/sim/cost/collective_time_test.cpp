// Collectives in time: against the textbooks' formulas, the least bytes, and the latency of every round.
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <random>
#include <set>

#include "compiler/input/input_error.hpp"
#include "sim/cost/collective_cost.hpp"
#include "sim/trace/traces.hpp"
#include "tests/sim/systems.hpp"

namespace anzan::sim::collective_time_test {
namespace {

using compiler::CollectiveKind;
using Json = nlohmann::json;

constexpr double kBytesPerCycle = 12.5;
constexpr std::int64_t kMib = 1 << 20;

constexpr CollectiveKind kAllReduce = CollectiveKind::kAllReduce,
                         kReduceScatter = CollectiveKind::kReduceScatter,
                         kAllGather = CollectiveKind::kAllGather, kBroadcast = CollectiveKind::kBroadcast,
                         kAllToAll = CollectiveKind::kAllToAll;

struct Net {
  const char* kind;
  std::vector<int> sizes;
  int ways = 1;
  double latency_ns = 100;
  int header_bytes = 0, cores_per_chip = 1;

  const char* algorithm() const {
    return sizes.size() > 1 || kind == std::string("hypercube") ? "torus" : "hierarchical";
  }
  int chips() const { return testing::chips_of(kind, sizes); }
};

std::ostream& operator<<(std::ostream& out, const Net& n) {
  out << n.kind;
  for (const int size : n.sizes) out << ' ' << size;
  return out << ", ways " << n.ways;
}

Configuration configuration(const Net& n, int lanes = 16, const Json& exchange = {}) {
  Json json = testing::small_configuration({{"kind", "mnist"}});
  json["chip"] = {{"lanes", lanes}, {"cores", n.cores_per_chip}};
  json["system"] = testing::system_of(
      n.kind, n.sizes,
      {{"gb_per_s", kBytesPerCycle},
       {"latency_ns", n.latency_ns},
       {"payload_bytes", 1920},
       {"header_bytes", n.header_bytes}},
      {{"exchange", exchange.is_null() ? Json{{"algorithm", n.algorithm()}, {"ways", n.ways}} : exchange}});
  return parse_configuration(json, ".", {}, Purpose::kCollective);
}

CollectiveCost cost(CollectiveKind kind, const Net& n, std::int64_t bytes, int lanes = 16) {
  return cost_of_collective(configuration(n, lanes), kind, bytes, isa::Format::kFp32);
}

struct Theory {
  CollectiveKind kind;
  Net net;
  std::int64_t bytes;
  double busiest_link;  // bytes over it, as parts of the buffer
  double tolerance = 0.01;
};

TEST(CollectiveTime, LargeMessagesTakeTheTimeOfTheTextbooks) {
  for (const Theory& t : {
           // rings: every piece passes every core but one, for sums and gathers; twice for both
           Theory{kAllReduce, {"ring", {4}}, 8 * kMib, 2 * 3 / 4.0},
           Theory{kAllReduce, {"ring", {8}}, 8 * kMib, 2 * 7 / 8.0},
           Theory{kReduceScatter, {"ring", {8}}, 8 * kMib, 7 / 8.0},
           Theory{kAllGather, {"ring", {8}}, 8 * kMib, 7 / 8.0},
           // both ways round: half over each link
           Theory{kAllReduce, {"ring", {8}, 2}, 16 * kMib, 7 / 8.0},
           // a torus: the rings of the first dimension have most to carry
           Theory{kReduceScatter, {"torus", {4, 4}}, 8 * kMib, 3 / 4.0},
           Theory{kAllReduce, {"torus", {4, 4}}, 16 * kMib, 2 * 3 / 4.0},
           // through a switch, and over links of their own: a ring of neighbours
           Theory{kAllReduce, {"switch", {8}}, 8 * kMib, 2 * 7 / 8.0},
           Theory{kAllReduce, {"full", {4}}, 8 * kMib, 2 * 3 / 4.0},
           // a chain, whatever its length
           Theory{kBroadcast, {"ring", {8}}, 8 * kMib, 1},
           Theory{kBroadcast, {"torus", {4, 4}}, 8 * kMib, 1},
           // (in the switch, data waits behind what tells the core before that places are free)
           Theory{kBroadcast, {"switch", {8}}, 8 * kMib, 1, 0.06},
           // to everybody else, over the one link to the switch
           Theory{kAllToAll, {"switch", {8}}, 8 * kMib, 7 / 8.0},
           // the shorter way round, evenly: N / 8 of the buffer over every link
           Theory{kAllToAll, {"ring", {8}, 2}, 16 * kMib, 8 / 8.0, 0.03},
       }) {
    const CollectiveCost c = cost(t.kind, t.net, t.bytes);
    const double expected = t.busiest_link * static_cast<double>(t.bytes) / kBytesPerCycle;
    EXPECT_EQ(c.bytes, t.bytes);
    EXPECT_NEAR(static_cast<double>(c.cycles) / expected, 1, t.tolerance) << c.text() << t.net;
    EXPECT_NEAR(c.theory.links / expected, 1, 1e-6) << c.text() << t.net;
  }
}

// Σ of the ways between all pairs, in hops.
double hops(const std::vector<int>& sizes) {
  double sum = 0;
  const double cores = testing::chips_of("torus", sizes);
  for (const int n : sizes)
    for (int distance = 0; distance < n; ++distance)
      sum += std::min(distance, n - distance) * cores / n * cores;
  return sum;
}

TEST(CollectiveTime, LinksCarryTheLeastBytes) {
  for (const Net& net :
       {Net{"ring", {5}}, Net{"ring", {8}, 2}, Net{"torus", {4, 2}, 2}, Net{"torus", {3, 3}, 4}}) {
    const double n = net.chips();
    const auto all = static_cast<std::int64_t>(n) * 48 * 1024;
    const double m = static_cast<double>(all);
    for (const auto& [kind, least] : {std::pair{kAllReduce, 2 * (n - 1) * m},
                                      {kReduceScatter, (n - 1) * m},
                                      {kAllGather, (n - 1) * m},
                                      {kBroadcast, (n - 1) * m},
                                      {kAllToAll, hops(net.sizes) / n * m}}) {
      const CollectiveCost c = cost(kind, net, all);
      double sent = 0;
      for (const models::LinkCounters& link : c.links) sent += static_cast<double>(link.bytes);
      ASSERT_EQ(c.bytes, all);
      EXPECT_EQ(c.text().find("asked for"), std::string::npos) << c.text();
      EXPECT_NE(cost(kind, net, all - 1).text().find(std::to_string(all - 1) + " asked for"),
                std::string::npos);
      EXPECT_EQ(c.credit_bytes, 0);  // all fits the scratchpads
      EXPECT_EQ(sent, least) << c.text() << net;
      // what lets places be used again comes on top, in messages of one line
      const CollectiveCost more = cost(kind, net, 20 * all);
      double more_sent = 0;
      for (const models::LinkCounters& link : more.links) more_sent += static_cast<double>(link.bytes);
      EXPECT_EQ(more_sent, 20 * least + static_cast<double>(more.credit_bytes)) << more.text() << net;
      EXPECT_LT(static_cast<double>(more.credit_bytes), 0.01 * least * 20) << more.text() << net;
      EXPECT_EQ(more.credit_bytes > 0, kind != kAllReduce || more.shape.streamed) << more.text() << net;
    }
  }
}

TEST(CollectiveTime, ALatencyCountsOnceForEachRound) {
  struct Rounds {
    CollectiveKind kind;
    Net net;
    int rounds;
  };
  for (const Rounds& r : {Rounds{kAllReduce, {"ring", {6}}, 2 * 5},
                          {kReduceScatter, {"ring", {6}}, 5},
                          {kAllGather, {"ring", {6}}, 5},
                          {kBroadcast, {"ring", {6}}, 5},
                          {kAllToAll, {"ring", {6}}, 3},
                          {kAllReduce, {"torus", {4, 3}}, 2 * (3 + 2)},
                          {kBroadcast, {"torus", {4, 3}}, 3 + 2},
                          {kAllToAll, {"torus", {4, 3}}, 2 + 1},
                          {kAllReduce, {"hypercube", {3}}, 2 * 3},
                          {kAllToAll, {"hypercube", {3}}, 3},
                          {kAllReduce, {"switch", {5}}, 2 * 2 * 4},
                          {kAllToAll, {"switch", {5}}, 2},
                          {kAllToAll, {"full", {5}}, 1}}) {
    Net slow = r.net;
    slow.latency_ns += 10'000;
    const CollectiveCost near = cost(r.kind, r.net, 1), far = cost(r.kind, slow, 1);
    EXPECT_NEAR(static_cast<double>(far.cycles - near.cycles), 10'000.0 * r.rounds, 400)  // a refresh of HBM
        << near.text() << r.net;
    EXPECT_EQ(far.theory.latency - near.theory.latency, 10'000.0 * r.rounds) << near.text() << r.net;
  }
}

TEST(CollectiveTime, NothingIsFasterThanTheBound) {
  std::mt19937 random(7);
  for (int run = 0; run < 60; ++run) {
    const auto pick = [&](int least, int most) {
      return least + static_cast<int>(random() % static_cast<unsigned>(most - least + 1));
    };
    const std::vector<Net> nets{
        {"ring", {pick(3, 6)}, pick(1, 2)}, {"torus", {pick(2, 4), pick(3, 4)}, pick(1, 2)},
        {"mesh", {pick(2, 3), 2}},          {"full", {pick(2, 5)}},
        {"switch", {pick(2, 5)}},           {"hypercube", {pick(1, 3)}}};
    Net net = nets[random() % nets.size()];
    net.header_bytes = pick(0, 1) * 128;
    net.cores_per_chip = pick(1, 2);
    if (net.cores_per_chip > 1) net.ways = 1;
    const auto kind = static_cast<CollectiveKind>(random() % compiler::kCollectiveKinds);
    const CollectiveCost c = cost(kind, net, std::int64_t{1} << random() % 21, 4 << random() % 3);
    SCOPED_TRACE(::testing::Message() << c.text() << net);
    const auto cycles = static_cast<double>(c.cycles);
    EXPECT_GE(cycles, c.bound.latency);
    EXPECT_GE(cycles, c.bound.busiest());
    EXPECT_GE(c.theory.links, c.bound.links * (1 - 1e-9));
    EXPECT_GE(c.theory.latency, c.bound.latency);
    const Json json = c.json();
    EXPECT_EQ(json["by_link"].size(), c.links.size());
    EXPECT_EQ(json["cycles"], c.cycles);
    EXPECT_EQ(json["ratio_to_theory"], cycles / c.theory.cycles());
  }
}

// What automatic takes.
CollectiveCost chosen(CollectiveKind kind, const Net& n, std::int64_t bytes) {
  return cost_of_collective(configuration(n, 16, Json::object()), kind, bytes, isa::Format::kFp32);
}

TEST(CollectiveTime, LongRingsOfLongLinksKeepTheirLinksBusy) {
  for (const CollectiveKind kind : {kAllReduce, kReduceScatter, kAllGather}) {
    for (const int chips : {32, 63, 128}) {
      const CollectiveCost c = cost(kind, {"ring", {chips}, 1, 4000}, 16 * kMib);
      EXPECT_TRUE(c.shape.streamed) << c.text();
      EXPECT_LT(static_cast<double>(c.cycles) / c.theory.cycles(), 1.2) << c.text();
      EXPECT_LT(static_cast<double>(c.cycles) / c.bound.links, 2.1 + 2 * c.theory.latency / c.bound.links)
          << c.text();
    }
  }
}

TEST(CollectiveTime, TheoryKnowsWhatTheScratchpadHolds) {
  for (const CollectiveKind kind : {kReduceScatter, kAllGather}) {
    const Configuration whole = configuration(
        {"ring", {64}, 1, 10'000}, 16, {{"algorithm", "hierarchical"}, {"ways", 1}, {"stream_kib", 0}});
    const CollectiveCost c = cost_of_collective(whole, kind, 16 * kMib, isa::Format::kFp32);
    EXPECT_EQ(c.theory.bound_by(), std::string("scratchpad")) << c.text();
    EXPECT_NEAR(static_cast<double>(c.cycles) / c.theory.cycles(), 1, 0.4) << c.text();
  }
}

TEST(CollectiveTime, AutomaticTakesWhatTheNetworkHas) {
  // more than two links of each chip
  const CollectiveCost full = chosen(kAllReduce, {"full", {16}}, 2 * kMib),
                       ring = chosen(kAllReduce, {"ring", {16}}, 2 * kMib);
  EXPECT_LT(static_cast<double>(full.cycles), 0.6 * static_cast<double>(ring.cycles)) << full.text();
  // fewer rounds
  const Net far{"switch", {16}, 1, 5000};
  EXPECT_LT(chosen(kAllReduce, far, 4096).cycles, cost(kAllReduce, far, 4096).cycles / 2);
  // all ways but the one that is broken
  Json json = configuration({"torus", {4, 4}}, 16, Json::object()).effective;
  json["system"]["exchange"] = json["system"]["topology"] = Json::object();
  json["system"]["topology"] = {{"kind", "torus"}, {"sizes", {4, 4}}};
  const auto torus = [&] {
    return cost_of_collective(parse_configuration(json, ".", {}, Purpose::kCollective), kAllReduce, kMib,
                              isa::Format::kFp32);
  };
  const CollectiveCost whole = torus();
  json["system"]["topology"]["failed"] = {{5, 6}};
  const CollectiveCost broken = torus();
  EXPECT_LT(broken.cycles, 2 * whole.cycles) << broken.text();
  EXPECT_NE(broken.text().find("neighbours are up to 3 links apart"), std::string::npos) << broken.text();
}

// Where links lead from each core to each, and through a switch, where only few messages wait for each other.
TEST(CollectiveTime, AutomaticGoesStraightWhereNoLinkIsShared) {
  for (const CollectiveKind kind : {kAllReduce, kReduceScatter, kAllGather}) {
    SCOPED_TRACE(compiler::name(kind));
    const CollectiveCost full = chosen(kind, {"full", {16}}, 8 * kMib);
    EXPECT_TRUE(full.collective.direct) << full.text();
    EXPECT_NE(full.text().find("straight from each core to each"), std::string::npos);
    // copies of short pieces do not reach the peak of HBM
    const double most = kind == kAllReduce ? 1.2 : 1.45;
    EXPECT_LT(static_cast<double>(full.cycles), most * full.bound.busiest()) << full.text();
    EXPECT_LT(static_cast<double>(full.cycles), most * full.theory.cycles()) << full.text();
    const Configuration rings = configuration({"full", {16}}, 16, {{"algorithm", "halving_doubling"}});
    EXPECT_LT(
        static_cast<double>(full.cycles),
        0.9 * static_cast<double>(cost_of_collective(rings, kind, 8 * kMib, isa::Format::kFp32).cycles));
    const auto used = [](const models::LinkCounters& l) { return l.bytes > 0; };
    EXPECT_TRUE(std::all_of(full.links.begin(), full.links.end(), used)) << full.text();
    // each latency once a half
    const Net far{"switch", {16}, 1, 5000};
    const CollectiveCost small = chosen(kind, far, 4096);
    EXPECT_TRUE(small.collective.direct) << small.text();
    EXPECT_NEAR(static_cast<double>(small.cycles), small.theory.latency, 0.1 * small.theory.latency);
    EXPECT_FALSE(chosen(kind, {"ring", {16}}, 8 * kMib).collective.direct);
    EXPECT_FALSE(chosen(kind, {"mesh", {4, 4}}, 8 * kMib).collective.direct);
    // who says how is obeyed
    EXPECT_FALSE(cost(kind, {"full", {16}}, 8 * kMib).collective.direct);
  }
}

// Which size of a grid stands first decides nothing.
TEST(CollectiveTime, ManyByFewTakeTheTimeOfFewByMany) {
  std::mt19937 random(11);
  for (int run = 0; run < 12; ++run) {
    const char* const kind = run % 2 == 0 ? "mesh" : "torus";
    const int few = 2 + static_cast<int>(random() % 2), many = few + 1 + static_cast<int>(random() % 3);
    const std::int64_t bytes = std::int64_t{1} << (16 + random() % 6);
    const CollectiveCost a = chosen(kAllReduce, {kind, {few, many}}, bytes),
                         b = chosen(kAllReduce, {kind, {many, few}}, bytes);
    EXPECT_NEAR(static_cast<double>(a.cycles) / static_cast<double>(b.cycles), 1, 0.02)
        << kind << ' ' << few << " x " << many << '\n'
        << a.text() << b.text();
  }
}

// Of one core that stands for all, and of all.
TEST(CollectiveTime, CanBeTraced) {
  const testing::ScratchDirectory scratch;
  for (const auto& [kind, cores] : {std::pair{kAllToAll, 1U}, {kBroadcast, 6U}, {kAllReduce, 1U}}) {
    const Configuration config = configuration({"torus", {3, 2}}, 16, Json::object());
    const CollectiveCost c = cost_of_collective(config, kind, 100'000, isa::Format::kFp32);
    trace_collective(config, c, scratch / "trace.json");
    const Json trace = Json::parse(std::ifstream(scratch / "trace.json"));
    EXPECT_EQ(trace["otherData"]["cycles"], c.cycles);
    std::int64_t carried = 0, expected = 0;
    std::set<int> processes;
    for (const Json& e : trace["traceEvents"]) {
      processes.insert(e["pid"].get<int>());
      if (e.value("cat", "") == "link") carried += e["args"]["bytes"].get<std::int64_t>();
    }
    for (const models::LinkCounters& link : c.links) expected += link.bytes;
    EXPECT_EQ(carried, expected);
    EXPECT_EQ(processes.size(), cores + 1);
  }
}

TEST(CollectiveTime, RefusesWhatCannotBe) {
  const Configuration one = configuration({"ring", {1}}), four = configuration({"ring", {4}});
  EXPECT_THROW(cost_of_collective(one, kAllReduce, 64, isa::Format::kFp32), compiler::InputError);
  EXPECT_THROW(cost_of_collective(four, kAllReduce, 0, isa::Format::kFp32), compiler::InputError);
}

}  // namespace
}  // namespace anzan::sim::collective_time_test
