// Random small networks on random chips, mappings and formats: every engine trains them to the same bits, and
// those that know time take the same cycles. A share is tried always, all of them by scripts/campaigns.sh.
#include <gtest/gtest.h>

#include <algorithm>
#include <iostream>
#include <numeric>
#include <optional>
#include <random>

#include "sim/engines/engine.hpp"
#include "sim/rtl/blocks.hpp"
#include "sim/rtl/core.hpp"
#include "sim/training/trainer.hpp"
#include "tests/campaign.hpp"
#include "tests/compiler/least_scratchpad.hpp"
#include "tests/reference/random_network.hpp"
#include "tests/sim/draw.hpp"
#include "tests/sim/systems.hpp"

namespace anzan::sim::engines_fuzz_test {
namespace {

using Json = nlohmann::json;

using testing::Draw;

// A factor of the number.
int factor(Draw& draw, int number) {
  int f = draw.from(1, number);
  while (number % f != 0) --f;
  return f;
}

Json system_of(Draw& draw, int chips) {
  if (chips == 1) return Json::object();
  const char* const kind = draw.one_of({"ring", "full", "switch", "mesh", "torus"});
  const int row = factor(draw, chips);
  const bool grid = kind[0] == 'm' || kind[0] == 't';
  Json system = testing::system_of(kind, grid ? std::vector<int>{row, chips / row} : std::vector<int>{chips});
  if (draw.from(0, 3) == 0)
    system["exchange"] = {{"hide_in_backward", draw.from(0, 1) == 0},
                          {"pipelined", draw.from(0, 1) == 0},
                          {"segment_kib", draw.from(1, 8)}};
  return system;
}

Json precision(Draw& draw) {
  Json json{{"preset", draw.one_of({"int8", "int16", "fp32", "int8_master16", "int8_master32"})}};
  if (draw.from(0, 2) == 0)
    json["default"]["rounding"] = draw.one_of({"nearest_even", "stochastic", "towards_zero"});
  if (draw.from(0, 2) == 0)
    json["activation"]["policy"] = {
        {"kind", isa::kPolicyEntries[draw.from(0, isa::kPolicyInfo.size - 1)].name},
        {"interval", draw.from(1, 3)}};
  return json;
}

Json configuration(std::uint32_t seed) {
  Draw draw(seed);
  reference::RandomNetworkLimits limits;
  limits.blocks = 2;
  limits.size = 6;
  limits.channels = 12;
  limits.products_an_image = 4000;
  Json json = testing::small_configuration({{"kind", "mnist"}});
  json["network"] = Json::parse(reference::network_json(reference::random_network(seed, limits)));
  json["network"]["input"]["scale"] = 1.0 / 256;
  json["precision"] = precision(draw);
  const int lanes = draw.one_of({4, 4, 8, 16, 32}), chips = draw.one_of({1, 1, 1, 2, 3, 4});
  const int cores = draw.one_of({1, 1, 1, 2}), all = chips * cores;
  const int tensor = factor(draw, all), pipeline = factor(draw, all / tensor);
  const int micro_batches = draw.one_of({1, 1, 2}), data = all / tensor / pipeline;
  json["system"] = system_of(draw, chips);
  json["system"]["mapping"] = {{"tensor", tensor},
                               {"pipeline", pipeline},
                               {"micro_batches", micro_batches},
                               {"schedule", seed % 2 == 0 ? "gpipe" : "1f1b"}};
  json["training"]["batch"] = all == 1 && micro_batches == 1
                                  ? draw.from(1, 2 * lanes)
                                  : lanes * data * micro_batches * (lanes == 4 ? draw.from(1, 2) : 1);
  json["chip"] = {
      {"lanes", lanes}, {"cores", cores}, {"scratchpad_kib", draw.one_of({1, 16, 64, 256, 2048})}};
  if (draw.from(0, 2) == 0) {  // such cores are not built in RTL
    json["chip"]["queue_depth"] = draw.one_of({1, 2, 3, 16});
    json["chip"]["dma_outstanding"] = draw.one_of({1, 7, 64, 200});
  }
  return json;
}

// What training leaves behind.
struct Left {
  std::vector<double> losses;
  std::string digest;
  std::int64_t right = 0;
  std::vector<models::SlotSettings> settings;
  std::vector<models::SlotStatistics> statistics;
  Trainer::Cycles cycles{};
};

constexpr int kSteps = 2;

Left train(const Configuration& config, const compiler::CompiledModel& model) {
  const std::int64_t batch = config.parameters.batch;
  const ImageSet set = testing::noise(config.network, batch, 7);
  std::vector<std::int64_t> images(static_cast<std::size_t>(batch));
  std::iota(images.begin(), images.end(), 0);
  const auto slots = static_cast<int>(model.slots.size());
  const std::unique_ptr<Engine> engine = make_engine(config, slots);
  Trainer trainer(model, config.network, 3, 1, *engine);
  trainer.initialise(set, images, 0.02);
  Left left;
  for (int s = 0; s < kSteps; ++s) left.losses.push_back(trainer.step(set, images, s, 0.02));
  left.digest = trainer.digest_of_state();
  for (int s = 0; s < slots; ++s) {
    left.settings.push_back(trainer.core().settings.slot(s));
    left.statistics.push_back(trainer.core().statistics.window(s));
    left.statistics.push_back(trainer.core().statistics.total(s));
  }
  left.right = trainer.classify(set, images);
  left.cycles = trainer.cycles();
  return left;
}

class Campaign {
 public:
  void try_case(std::uint32_t seed) {
    const Json json = configuration(seed);
    SCOPED_TRACE("seed " + std::to_string(seed) + "\n" + json.dump());
    std::optional<Configuration> config;
    std::optional<compiler::CompiledModel> model;
    if (!compiled(json, config, model)) return;
    ++run_;
    const Left values = train(*config, *model);
    config->engine.kind = EngineKind::kCycle;
    const Left timed = train(*config, *model);
    expect_same(timed, values, "cycle");
    using compiler::ProgramKind;
    EXPECT_GT(timed.cycles[ProgramKind::kStep], 0);
    EXPECT_EQ(timed.cycles[ProgramKind::kStep] % kSteps, 0) << "steps differ in time";
    try_in_rtl(*config, *model, seed, timed);
  }

  void report() const {
    std::cout << run_ << " configurations, " << divided_ << " on several cores, " << in_rtl_ << " in RTL, "
              << mixed_ << " with blocks in RTL; " << refused_ << " refused\n";
  }
  int run() const { return run_; }
  int divided() const { return divided_; }
  int in_rtl() const { return in_rtl_ + mixed_; }

 private:
  // A scratchpad that is too small becomes what is said to be enough.
  bool compiled(Json json, std::optional<Configuration>& config,
                std::optional<compiler::CompiledModel>& model) {
    while (true) {
      try {
        config.emplace(parse_configuration(json, "."));
        model.emplace(compiler::compile(config->input()));
        divided_ += config->system.cores() > 1;
        return true;
      } catch (const compiler::InputError& error) {
        const auto least = anzan::testing::least_scratchpad(error);
        if (!least) {
          ++refused_;
          return false;
        }
        json["chip"]["scratchpad_kib"] = least->kib;
      }
    }
  }

  void try_in_rtl(Configuration config, const compiler::CompiledModel& model, std::uint32_t seed,
                  const Left& timed) {
    const models::clocked::CoreParameters& core = config.cost.core;
    if ((core.lanes != 4 && core.lanes != 16) || core.queue_depth != kRtlQueueDepth ||
        core.dma_outstanding != kRtlDmaOutstanding)
      return;
    Draw draw(~seed);
    if (config.system.cores() == 1 && draw.from(0, 1) == 0) {
      for (const std::string& block : rtl_block_names()) {
        if (draw.from(0, 2) == 0) config.engine.rtl.push_back(block);
      }
      if (config.engine.rtl.empty()) return;
      ++mixed_;
    } else {
      config.engine.kind = EngineKind::kRtl;
      ++in_rtl_;
    }
    const Left rtl = train(config, model);
    expect_same(rtl, timed, "RTL");
    EXPECT_EQ(rtl.cycles, timed.cycles);
  }

  static void expect_same(const Left& found, const Left& expected, const char* engine) {
    EXPECT_EQ(found.losses, expected.losses) << engine;
    EXPECT_EQ(found.digest, expected.digest) << engine;
    EXPECT_EQ(found.right, expected.right) << engine;
    EXPECT_TRUE(found.settings == expected.settings) << engine;
    EXPECT_TRUE(found.statistics == expected.statistics) << engine;
  }

  int run_ = 0, divided_ = 0, in_rtl_ = 0, mixed_ = 0, refused_ = 0;
};

void campaign(std::uint32_t first, std::uint32_t cases) {
  Campaign c;
  for (std::uint32_t seed = first; seed < first + cases && !::testing::Test::HasFailure(); ++seed) {
    try {
      c.try_case(seed);
    } catch (const std::exception& error) {
      ADD_FAILURE() << "seed " << seed << ": " << error.what() << "\n" << configuration(seed).dump();
    }
  }
  c.report();
  EXPECT_GT(c.run(), static_cast<int>(cases) / 3);
  EXPECT_GT(c.divided(), 0);
  EXPECT_GT(c.in_rtl(), 0);
}

// Counters taken into lines of the scratchpad that no update of the segment before them reads.
TEST(Engines, AgreeOnCountersInPlaceOfGradients) {
  Campaign c;
  for (const std::uint32_t seed : {1268U, 1641U}) c.try_case(seed);
  EXPECT_EQ(c.run(), 2);
}

const std::uint32_t kCases = in_campaign() ? 400 : 20;
TEST(Engines, AgreeOnRandomConfigurations1) { campaign(1, kCases); }
TEST(Engines, AgreeOnRandomConfigurations2) { campaign(1 + kCases, kCases); }

}  // namespace
}  // namespace anzan::sim::engines_fuzz_test
