// Exchanges in time: against the formulas of the textbooks, and one core that stands for all against all of
// them.
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <numeric>
#include <set>
#include <string>
#include <tuple>

#include "compiler/compiler.hpp"
#include "models/clocked/system.hpp"
#include "sim/configuration/configuration.hpp"
#include "tests/sim/systems.hpp"

namespace anzan::sim::exchange_time_test {
namespace {

using models::clocked::ClockedSystem;
using models::clocked::SystemTiming;
using Json = nlohmann::json;

struct Setting {
  Configuration config;
  compiler::CompiledModel model;
  models::ChipsNetwork network;

  Setting(Json system, Json chip, std::int64_t batch, const Json& network_json = {}) {
    Json json = testing::small_configuration({{"kind", "mnist"}});
    json["system"] = std::move(system);
    json["chip"].update(chip);
    json["training"]["batch"] = batch;
    if (!network_json.is_null()) json["network"] = network_json;
    json["precision"] = {{"preset", "fp32"}};
    config = parse_configuration(json, ".");
    model = compiler::compile(config.input());
    network = models::build_chips(config.system.network);
  }
  int cores() const { return config.system.cores(); }

  SystemTiming run(const compiler::CompiledModel::InCore& in_core, bool alike) const {
    std::vector<isa::Program> programs;
    const models::clocked::Alike same{config.system.parameters.exchange.dimensions,
                                      alike ? config.system.cores_per_chip : cores()};
    for (int c = 0; c < same.simulated; ++c) programs.push_back(isa::decode(in_core(c)));
    ClockedSystem system(config.cost.core, network, config.system.packet, same);
    return system.run(programs);
  }
};

// Without headers, and with buffers for many packets: messages of whatever length go at the full rate.
Json links(const char* preset = "tofu2") {
  return {{"preset", preset}, {"header_bytes", 0}, {"buffer_packets", 8}};
}

TEST(ExchangeTime, OneChipThatStandsForAllTakesTheTimeOfEach) {
  const Json lanes{{"lanes", 4}};
  const Json two_cores{{"lanes", 4}, {"cores", 2}};
  for (const auto& [system, chip] :
       {std::pair<Json, Json>{testing::system_of("ring", {4}, links()), lanes},
        {testing::system_of("torus", {3, 2}, links()), lanes},
        {testing::system_of("hypercube", {3}, links(), {{"exchange", {{"algorithm", "halving_doubling"}}}}),
         lanes},
        {testing::system_of("switch", {3}, links()), two_cores},
        {{{"chips", 1}}, two_cores},
        {testing::system_of("full", {5}, links()), lanes}}) {
    Json same_segments = system;  // some others meet in the switch
    same_segments["exchange"]["segment_kib"] = 32;
    same_segments["exchange"]["stream_kib"] = 0;  // what streams lies elsewhere in the HBM of each core
    const Setting s(same_segments, chip, 120 * 4);
    for (const auto& program : {s.model.step_in_core, s.model.two_steps_in_core, s.model.exchange_in_core}) {
      const SystemTiming one = s.run(program, true), all = s.run(program, false);
      ASSERT_EQ(all.cores.size(), static_cast<std::size_t>(s.cores()));
      for (std::size_t c = 0; c < all.cores.size(); ++c)
        ASSERT_EQ(all.cores[c].cycles, one.cores[c % one.cores.size()].cycles) << system;
      for (std::size_t l = 0; l < one.links.size(); ++l) {
        EXPECT_EQ(one.links[l].bytes, all.links[l].bytes);
        EXPECT_EQ(one.links[l].busy_fs, all.links[l].busy_fs);
      }
    }
  }
}

// Rows of HBM end elsewhere in what each core copies.
TEST(ExchangeTime, StreamsTakeNearlyTheSameTimeInEachCore) {
  const Setting s(testing::system_of("ring", {5}, links(), {{"exchange", {{"stream_kib", 8}}}}),
                  {{"lanes", 4}}, 120 * 4);
  EXPECT_EQ(s.config.system.parameters.exchange.stream_bytes, 8 * 1024);
  const SystemTiming one = s.run(s.model.step_in_core, true), all = s.run(s.model.step_in_core, false);
  for (const models::ProgramTiming& core : all.cores)
    EXPECT_NEAR(static_cast<double>(core.cycles), static_cast<double>(one.cycles()),
                0.002 * static_cast<double>(core.cycles));
  for (std::size_t l = 0; l < one.links.size(); ++l) EXPECT_EQ(one.links[l].bytes, all.links[l].bytes);
}

TEST(ExchangeTime, CoresThatAreNotAlikeAreFound) {
  // one ring of nine through the rows of a torus: some neighbours are two hops away
  const Setting s(testing::system_of("torus", {3, 3}, links(), {{"exchange", {{"algorithm", "ring"}}}}),
                  {{"lanes", 4}}, 36);
  EXPECT_THROW(s.run(s.model.step_in_core, true), models::clocked::NotAlike);
  const SystemTiming all = s.run(s.model.step_in_core, false);
  EXPECT_EQ(all.cores.size(), 9U);
}

// A layer of 4 * 1024 * channels bytes, the others small; scratchpads with room for many segments.
Setting layer_of(int channels, const Json& system, int scratchpad_kib = 8192) {
  Json network = Json::parse(R"({"name": "fc", "input": {"channels": 1, "height": 32, "width": 32},
    "layers": [{"name": "fc1", "type": "fully_connected", "bias": false},
               {"name": "fc2", "type": "fully_connected", "channels": 16, "bias": false},
               {"name": "loss", "type": "softmax_cross_entropy"}]})");
  network["layers"][0]["channels"] = channels;
  return Setting(system, {{"lanes", 16}, {"scratchpad_kib", scratchpad_kib}},
                 16 * system.at("chips").get<int>(), network);
}
Setting large(const Json& system) { return layer_of(8192, system); }
constexpr double kMessageBytes = 4.0 * 8192 * (1024 + 16);

struct Theory {
  Json system;
  double links;  // bytes that the busiest link carries, in messages
};

// As many ways as there are.
TEST(ExchangeTime, LargeMessagesTakeTheTimeOfTheTextbooks) {
  const auto system = [](const char* kind, std::vector<int> sizes, const char* algorithm, int kib, int ways) {
    return testing::system_of(
        kind, sizes, links("tofu1"),
        {{"exchange", {{"algorithm", algorithm}, {"segment_kib", kib}, {"ways", ways}}}});
  };
  const double bytes_per_cycle = 5;
  for (const Theory& t :
       {// 2 (N - 1) / N M / B: every piece passes every core but one, twice
        Theory{system("ring", {4}, "ring", 32, 1), 2 * 3 / 4.0},
        Theory{system("ring", {8}, "ring", 32, 1), 2 * 7 / 8.0},
        // half of it in each direction
        Theory{system("ring", {4}, "ring", 32, 2), 2 * 3 / 4.0 / 2},
        Theory{system("ring", {8}, "ring", 32, 2), 2 * 7 / 8.0 / 2},
        // between pairs, half of what is left each time: the first dimension has a link of its own, and is
        // the longest
        Theory{system("hypercube", {3}, "halving_doubling", 32, 1), 2 * 1 / 2.0},
        // each dimension the first of a third: every link carries the same
        Theory{system("hypercube", {3}, "halving_doubling", 32, 3), 2 * 7 / 8.0 / 3},
        // a torus: the rings of the first dimension carry 2 (X - 1) / X M, those of the second a Xth of that
        Theory{system("torus", {4, 4}, "torus", 32, 1), 2 * 3 / 4.0},
        // both dimensions first, in both directions
        Theory{system("torus", {4, 4}, "torus", 16, 4), 2 * 15 / 16.0 / 4}}) {
    const Setting s = large(t.system);
    const SystemTiming timing = s.run(s.model.exchange_in_core, true);
    const double expected = t.links * kMessageBytes / bytes_per_cycle;
    EXPECT_NEAR(static_cast<double>(timing.cycles()) / expected, 1, 0.01) << t.system;
    std::int64_t sent = 0;
    for (const models::LinkCounters& link : timing.links) sent += link.bytes;
    const double n = s.cores();
    EXPECT_EQ(static_cast<double>(sent) / n, 2 * (n - 1) / n * kMessageBytes) << t.system;
  }
}

std::int64_t exchange_cycles(const Setting& s) {
  try {
    return s.run(s.model.exchange_in_core, true).cycles();
  } catch (const models::clocked::NotAlike&) {
    return s.run(s.model.exchange_in_core, false).cycles();
  }
}

// 16 KB and 2 MB: on a switch, where all are neighbours, few rounds are better for the one, little traffic at
// once for the other.
TEST(ExchangeTime, AutomaticIsTheFastest) {
  std::set<std::vector<int>> on_a_switch;
  for (const auto& [kind, sizes] :
       {std::pair<std::string, std::vector<int>>{"ring", {8}}, {"torus", {4, 4}}, {"switch", {8}}}) {
    for (const int channels : {4, 512}) {
      const auto setting = [&, &kind = kind, &sizes = sizes](const char* algorithm) {
        return layer_of(channels,
                        testing::system_of(kind, sizes, links(),
                                           {{"exchange", {{"algorithm", algorithm}, {"segment_kib", 16}}}}));
      };
      const std::vector<int> chosen = setting("automatic").config.system.parameters.exchange.dimensions;
      if (kind == "switch") on_a_switch.insert(chosen);
      std::int64_t least = std::numeric_limits<std::int64_t>::max();
      std::vector<int> fastest;
      for (const char* algorithm : {"ring", "halving_doubling", "torus"}) {
        if (algorithm == std::string("torus") && kind != "torus") continue;
        const Setting s = setting(algorithm);
        const std::int64_t cycles = exchange_cycles(s);
        if (cycles < least) fastest = s.config.system.parameters.exchange.dimensions;
        least = std::min(least, cycles);
      }
      EXPECT_EQ(chosen, fastest) << channels << " channels, " << kind;
    }
  }
  EXPECT_EQ(on_a_switch.size(), 2U);
}

// Where latency is long and the scratchpad small, and where messages are many: what is chosen for whole
// segments is nearly the best, which no one length is everywhere.
TEST(ExchangeTime, AutomaticSegmentsAreNearlyTheBest) {
  double of_32_kib = 0;
  for (const auto& [chips, latency_ns, scratchpad_kib] :
       {std::tuple{16, 4000, 1024}, {16, 100, 1024}, {4, 100, 4096}, {32, 100, 8192}}) {
    const auto setting = [&, chips = chips, latency = latency_ns, room = scratchpad_kib](int kib) {
      Json link = links(), exchange{{"stream_kib", 0}};
      link["latency_ns"] = latency;
      if (kib > 0) exchange["segment_kib"] = kib;
      return layer_of(128, testing::system_of("ring", {chips}, link, {{"exchange", exchange}}), room);
    };
    const Setting automatic = setting(0);
    std::int64_t best = std::numeric_limits<std::int64_t>::max();
    for (const int kib : {8, 16, 32, 64, 128}) best = std::min(best, exchange_cycles(setting(kib)));
    of_32_kib =
        std::max(of_32_kib, static_cast<double>(exchange_cycles(setting(32))) / static_cast<double>(best));
    EXPECT_LT(static_cast<double>(exchange_cycles(automatic)), 1.3 * static_cast<double>(best))
        << chips << " chips, " << latency_ns << " ns, " << scratchpad_kib << " KiB";
  }
  EXPECT_GT(of_32_kib, 1.3);
}

// A ring of 64 whose links take as long as 98 lines: what the scratchpad has room for decides nothing where
// segments stream, nor does what is said of whole ones.
TEST(ExchangeTime, LongRingsOfLongLinksTakeTheTimeOfTheTextbooks) {
  constexpr int kChips = 64, kLatency = 500;
  Json link = links();
  link["latency_ns"] = kLatency;
  const auto setting = [&](const Json& exchange, int channels) {
    return layer_of(channels, testing::system_of("ring", {kChips}, link, {{"exchange", exchange}}), 2048);
  };
  const auto theory = [&](int channels) {  // both ways round
    const double bytes = 4.0 * channels * (1024 + 16);
    return 2.0 * (kChips - 1) * (kLatency + bytes / kChips / 2 / 12.5);
  };
  std::int64_t least = std::numeric_limits<std::int64_t>::max(), most = 0;
  for (const int kib : {8, 16, 32, 48}) {
    const Setting s = setting({{"segment_kib", kib}}, 512);
    EXPECT_GT(s.config.system.parameters.exchange.stream_bytes, 0);
    const std::int64_t cycles = exchange_cycles(s);
    EXPECT_LT(static_cast<double>(cycles), 1.45 * theory(512)) << kib;
    least = std::min(least, cycles);
    most = std::max(most, cycles);
  }
  EXPECT_LT(static_cast<double>(most), 1.02 * static_cast<double>(least));
  // whatever the length of what streams, and of what there is
  for (const int kib : {64, 128, 256}) {
    const std::int64_t cycles = exchange_cycles(setting({{"stream_kib", kib}}, 512));
    EXPECT_LT(static_cast<double>(cycles), 1.9 * theory(512)) << kib;
  }
  for (const int channels : {64, 2048})
    EXPECT_LT(static_cast<double>(exchange_cycles(setting(Json::object(), channels))), 1.8 * theory(channels))
        << channels;
  // whole segments cannot
  EXPECT_GT(static_cast<double>(exchange_cycles(setting({{"stream_kib", 0}}, 512))), 2.5 * theory(512));
}

// Cycles from step to step, with these of the three techniques.
std::int64_t step_cycles(bool pipelined, bool backward, bool forward) {
  const Json network = Json::parse(R"({"name": "n", "input": {"channels": 4, "height": 16, "width": 16},
    "layers": [{"name": "conv1", "type": "convolution", "channels": 8, "kernel": 3, "padding": 1},
               {"name": "conv2", "type": "convolution", "channels": 8, "kernel": 3, "padding": 1},
               {"name": "fc1", "type": "fully_connected", "channels": 32},
               {"name": "fc2", "type": "fully_connected", "channels": 16},
               {"name": "loss", "type": "softmax_cross_entropy"}]})");
  const Json exchange{{"segment_kib", 4},
                      {"pipelined", pipelined},
                      {"hide_in_backward", backward},
                      {"hide_in_forward", forward}};
  const Setting s(testing::system_of("torus", {2, 2}, links("tofu1"), {{"exchange", exchange}}),
                  {{"lanes", 4}, {"scratchpad_kib", 512}}, 64, network);
  const std::int64_t step = s.run(s.model.step_in_core, true).cycles();
  return forward ? s.run(s.model.two_steps_in_core, true).cycles() - step : step;
}

// Alone; where another has left nothing to hide, it costs little.
TEST(ExchangeTime, EachTechniqueGains) {
  std::vector<std::int64_t> cycles;
  for (int on = 0; on < 8; ++on) cycles.push_back(step_cycles((on & 1) != 0, (on & 2) != 0, (on & 4) != 0));
  for (const std::size_t one : {1U, 2U, 4U}) {
    EXPECT_LT(static_cast<double>(cycles[one]), 0.95 * static_cast<double>(cycles[0])) << one;
    for (std::size_t on = 0; on < 8; ++on) {
      EXPECT_LT(static_cast<double>(cycles[on | one]), 1.01 * static_cast<double>(cycles[on]))
          << on << " and " << one;
    }
  }
}

TEST(ExchangeTime, ALatencyCountsOnceForEachRoundOfARing) {
  // one segment, whose pieces go round a ring of four: six rounds, each of which waits for the one before
  const auto cycles = [](double latency_ns) {
    Json slow = links();
    slow["latency_ns"] = latency_ns;
    const Setting s(testing::system_of("ring", {4}, slow, {{"exchange", {{"pipelined", false}}}}),
                    {{"lanes", 4}}, 16);
    return s.run(s.model.exchange_in_core, true).cycles();
  };
  const Setting s({{"chips", 4}}, {{"lanes", 4}}, 16);
  std::int64_t segments = 0;  // those of a layer's tensors of one format go together
  for (const compiler::ParameterInfo& p : s.model.parameters)
    segments += p.name.find("weight") != std::string::npos;
  // refreshes of HBM fall elsewhere
  EXPECT_NEAR(static_cast<double>(cycles(10'100) - cycles(100)), static_cast<double>(segments * 6 * 10'000),
              100);
}

}  // namespace
}  // namespace anzan::sim::exchange_time_test
