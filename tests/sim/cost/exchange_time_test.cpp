// Exchanges in time: against the formulas of the textbooks, and one core that stands for all against all of
// them.
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <numeric>
#include <set>
#include <string>

#include "compiler/compiler.hpp"
#include "models/clocked/system.hpp"
#include "sim/configuration/configuration.hpp"
#include "tests/sim/synthetic_data.hpp"
#include "tests/sim/systems.hpp"

namespace anzan::sim {
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
    model = compiler::compile(config.network, config.precision, config.parameters, config.chip,
                              config.system.parameters);
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
Json topology(const char* kind, const std::vector<int>& sizes, const char* preset = "tofu2") {
  return testing::topology(kind, sizes, {{"preset", preset}, {"header_bytes", 0}, {"buffer_packets", 8}});
}

TEST(ExchangeTime, OneChipThatStandsForAllTakesTheTimeOfEach) {
  const Json lanes{{"lanes", 4}};
  const Json two_cores{{"lanes", 4}, {"cores", 2}};
  for (const auto& [system, chip] :
       {std::pair<Json, Json>{{{"chips", 4}, {"topology", topology("ring", {4})}}, lanes},
        {{{"chips", 6}, {"topology", topology("torus", {3, 2})}}, lanes},
        {{{"chips", 8},
          {"topology", topology("hypercube", {3})},
          {"exchange", {{"algorithm", "halving_doubling"}}}},
         lanes},
        {{{"chips", 3}, {"topology", topology("switch", {3})}}, two_cores},
        {{{"chips", 1}}, two_cores},
        {{{"chips", 5}, {"topology", topology("full", {5})}}, lanes}}) {
    const Setting s(system, chip, 120 * 4);
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

TEST(ExchangeTime, CoresThatAreNotAlikeAreFound) {
  // one ring of nine through the rows of a torus: some neighbours are two hops away
  const Setting s(
      {{"chips", 9}, {"topology", topology("torus", {3, 3})}, {"exchange", {{"algorithm", "ring"}}}},
      {{"lanes", 4}}, 36);
  EXPECT_THROW(s.run(s.model.step_in_core, true), models::clocked::NotAlike);
  const SystemTiming all = s.run(s.model.step_in_core, false);
  EXPECT_EQ(all.cores.size(), 9U);
}

// A layer of 4 * 1024 * channels bytes, the others small; scratchpads with room for many segments.
Setting layer_of(int channels, const Json& system) {
  Json network = Json::parse(R"({"name": "fc", "input": {"channels": 1, "height": 32, "width": 32},
    "layers": [{"name": "fc1", "type": "fully_connected", "bias": false},
               {"name": "fc2", "type": "fully_connected", "channels": 16, "bias": false},
               {"name": "loss", "type": "softmax_cross_entropy"}]})");
  network["layers"][0]["channels"] = channels;
  return Setting(system, {{"lanes", 16}, {"scratchpad_kib", 8192}}, 16 * system.at("chips").get<int>(),
                 network);
}
Setting large(const Json& system) { return layer_of(8192, system); }
constexpr double kMessageBytes = 4.0 * 8192 * (1024 + 16);

struct Theory {
  Json system;
  double links;  // bytes that the busiest link carries, in messages
};

// As many ways as there are.
TEST(ExchangeTime, LargeMessagesTakeTheTimeOfTheTextbooks) {
  const auto system = [](int chips, const Json& topology, const char* algorithm, int kib, int ways) {
    return Json{{"chips", chips},
                {"topology", topology},
                {"exchange", {{"algorithm", algorithm}, {"segment_kib", kib}, {"ways", ways}}}};
  };
  const double bytes_per_cycle = 5;
  for (const Theory& t :
       {// 2 (N - 1) / N M / B: every piece passes every core but one, twice
        Theory{system(4, topology("ring", {4}, "tofu1"), "ring", 32, 1), 2 * 3 / 4.0},
        Theory{system(8, topology("ring", {8}, "tofu1"), "ring", 32, 1), 2 * 7 / 8.0},
        // half of it in each direction
        Theory{system(4, topology("ring", {4}, "tofu1"), "ring", 32, 2), 2 * 3 / 4.0 / 2},
        Theory{system(8, topology("ring", {8}, "tofu1"), "ring", 32, 2), 2 * 7 / 8.0 / 2},
        // between pairs, half of what is left each time: the first dimension has a link of its own, and is
        // the longest
        Theory{system(8, topology("hypercube", {3}, "tofu1"), "halving_doubling", 32, 1), 2 * 1 / 2.0},
        // each dimension the first of a third: every link carries the same
        Theory{system(8, topology("hypercube", {3}, "tofu1"), "halving_doubling", 32, 3), 2 * 7 / 8.0 / 3},
        // a torus: the rings of the first dimension carry 2 (X - 1) / X M, those of the second a Xth of that
        Theory{system(16, topology("torus", {4, 4}, "tofu1"), "torus", 32, 1), 2 * 3 / 4.0},
        // both dimensions first, in both directions
        Theory{system(16, topology("torus", {4, 4}, "tofu1"), "torus", 16, 4), 2 * 15 / 16.0 / 4}}) {
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
  for (const Json& chips : {topology("ring", {8}), topology("torus", {4, 4}), topology("switch", {8})}) {
    const bool torus = chips.at("kind") == "torus";
    for (const int channels : {4, 512}) {
      const auto setting = [&](const char* algorithm) {
        return layer_of(channels, {{"chips", torus ? 16 : 8},
                                   {"topology", chips},
                                   {"exchange", {{"algorithm", algorithm}, {"segment_kib", 16}}}});
      };
      const std::vector<int> chosen = setting("automatic").config.system.parameters.exchange.dimensions;
      if (chips.at("kind") == "switch") on_a_switch.insert(chosen);
      std::int64_t least = std::numeric_limits<std::int64_t>::max();
      std::vector<int> fastest;
      for (const char* algorithm : {"ring", "halving_doubling", "torus"}) {
        if (algorithm == std::string("torus") && !torus) continue;
        const Setting s = setting(algorithm);
        const std::int64_t cycles = exchange_cycles(s);
        if (cycles < least) fastest = s.config.system.parameters.exchange.dimensions;
        least = std::min(least, cycles);
      }
      EXPECT_EQ(chosen, fastest) << channels << " channels, " << chips;
    }
  }
  EXPECT_EQ(on_a_switch.size(), 2U);
}

// Cycles from step to step, with these of the three techniques.
std::int64_t step_cycles(bool pipelined, bool backward, bool forward) {
  const Json network = Json::parse(R"({"name": "n", "input": {"channels": 4, "height": 16, "width": 16},
    "layers": [{"name": "conv1", "type": "convolution", "channels": 8, "kernel": 3, "padding": 1},
               {"name": "conv2", "type": "convolution", "channels": 8, "kernel": 3, "padding": 1},
               {"name": "fc1", "type": "fully_connected", "channels": 32},
               {"name": "fc2", "type": "fully_connected", "channels": 16},
               {"name": "loss", "type": "softmax_cross_entropy"}]})");
  const Setting s({{"chips", 4},
                   {"topology", topology("torus", {2, 2}, "tofu1")},
                   {"exchange",
                    {{"segment_kib", 4},
                     {"pipelined", pipelined},
                     {"hide_in_backward", backward},
                     {"hide_in_forward", forward}}}},
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
    Json ring = topology("ring", {4});
    ring["link"]["latency_ns"] = latency_ns;
    const Setting s({{"chips", 4}, {"topology", ring}, {"exchange", {{"pipelined", false}}}}, {{"lanes", 4}},
                    16);
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
}  // namespace anzan::sim
