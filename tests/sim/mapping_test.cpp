// Networks divided among cores: pipelines and micro-batches give the bits of one core, shared channels its
// sums in another order, and products of both what their parts give; in values and in time.
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <random>

#include "sim/configuration.hpp"
#include "sim/machine.hpp"
#include "sim/system_engine.hpp"
#include "tests/reference/random_network.hpp"
#include "tests/sim/synthetic_data.hpp"

namespace anzan::sim {
namespace {

using Json = nlohmann::json;

constexpr int kLanes = 4;
constexpr std::int64_t kBatch = 32;
constexpr double kRate = 0.02;

struct Divided {
  int tensor = 1, pipeline = 1, data = 1, micro_batches = 1;
  bool data_first = false;  // neighbours by number have other images
  int cores() const { return tensor * pipeline * data; }
};

struct Trained {
  std::vector<double> losses;
  std::string digest;
  std::int64_t right = 0, cycles = 0;
};

ImageSet noise(const compiler::Network& network, std::uint32_t seed) {
  std::mt19937 random(seed);
  ImageSet set;
  set.count = kBatch;
  set.size = network.input.size();
  for (std::int64_t i = 0; i < set.count * set.size; ++i)
    set.images.push_back(static_cast<std::uint8_t>(random() % 256));
  for (std::int64_t i = 0; i < set.count; ++i)
    set.labels.push_back(static_cast<std::uint8_t>(random() % static_cast<std::uint64_t>(network.classes())));
  return set;
}

Configuration configuration(const Json& network, const std::string& preset, const Divided& d) {
  Json json = testing::small_configuration({{"kind", "mnist"}});
  json["network"] = network;
  json["precision"] = {{"preset", preset}};
  json["training"]["batch"] = kBatch;
  json["chip"] = {{"lanes", kLanes}, {"cores", d.cores()}, {"scratchpad_kib", 64}};
  json["system"]["mapping"] = {
      {"tensor", d.tensor}, {"pipeline", d.pipeline}, {"micro_batches", d.micro_batches}};
  if (d.data_first) json["system"]["mapping"]["axes"] = {"data", "tensor", "pipeline"};
  return parse_configuration(json, ".");
}

Trained train(const Configuration& config, int steps, bool in_time = false) {
  const compiler::CompiledModel model = compiler::compile(config.network, config.precision, config.parameters,
                                                          config.chip, config.system.parameters);
  const ImageSet set = noise(config.network, 7);
  std::vector<std::int64_t> images(kBatch);
  std::iota(images.begin(), images.end(), 0);
  std::unique_ptr<SystemEngine> engine;
  if (in_time) engine = std::make_unique<SystemEngine>(config.cost.core, config.system);
  Machine machine(model, config.network, 3, 1, nullptr, engine.get());
  machine.initialise(set, images, kRate);
  Trained run;
  for (std::int64_t s = 0; s < steps; ++s) run.losses.push_back(machine.step(set, images, s, kRate));
  run.digest = machine.digest_of_state();
  run.right = machine.classify(set, images);
  run.cycles = machine.cycles().step;
  return run;
}

Json random_network(std::uint32_t seed) {
  reference::RandomNetworkLimits limits;
  limits.products_an_image = 20000;
  Json json = Json::parse(reference::network_json(reference::random_network(seed, limits)));
  json["input"]["scale"] = 1.0 / 256;
  return json;
}

int layers_with_weights(const Json& network) {
  int n = 0;
  for (const Json& layer : network["layers"])
    n += layer["type"] == "convolution" || layer["type"] == "fully_connected";
  return n;
}

// Rounding may be stochastic, sums may be in FP32: every operation has one order.
TEST(Mapping, PipelinesGiveTheBitsOfOneCore) {
  const char* const presets[] = {"int8", "fp32", "int8_master16", "int16"};
  for (std::uint32_t seed = 1; seed <= 24; ++seed) {
    const Json network = random_network(seed);
    const std::string preset = presets[seed % 4];
    SCOPED_TRACE("seed " + std::to_string(seed) + " " + preset);
    const Trained one = train(configuration(network, preset, {}), 3);
    const int stages = std::min(layers_with_weights(network), 1 + static_cast<int>(seed % 4));
    const int parts = 1 << seed % 4;  // of eight groups of images
    const Trained divided = train(configuration(network, preset, {1, stages, 1, parts}), 3);
    EXPECT_EQ(divided.losses, one.losses) << stages << " stages, " << parts << " micro-batches";
    EXPECT_EQ(divided.digest, one.digest);
    EXPECT_EQ(divided.right, one.right);
  }
}

TEST(Mapping, SharedChannelsGiveTheSumsOfOneCoreInAnotherOrder) {
  for (std::uint32_t seed = 1; seed <= 16; ++seed) {
    const Json network = random_network(seed);
    const int cores = 2 + static_cast<int>(seed % 3);
    SCOPED_TRACE("seed " + std::to_string(seed) + ", " + std::to_string(cores) + " cores");
    const Trained one = train(configuration(network, "fp32", {}), 4);
    const Trained shared = train(configuration(network, "fp32", {cores, 1, 1, 1}), 4);
    for (std::size_t s = 0; s < one.losses.size(); ++s)
      EXPECT_NEAR(shared.losses[s], one.losses[s], 1e-4 * std::abs(one.losses[s])) << "step " << s;
  }
}

// Forward every value is computed whole by one core: with the same points it is the same.
TEST(Mapping, SharedChannelsOfIntegersGiveTheSameFirstLoss) {
  for (std::uint32_t seed = 1; seed <= 8; ++seed) {
    const Json network = random_network(seed);
    const Trained one = train(configuration(network, "int16", {}), 3);
    const Trained shared = train(configuration(network, "int16", {2, 1, 1, 1}), 3);
    EXPECT_EQ(shared.losses[0], one.losses[0]) << "seed " << seed;
    EXPECT_NEAR(shared.losses[2], one.losses[2], 0.05 * one.losses[2]) << "seed " << seed;
  }
}

TEST(Mapping, StagesOfAProductGiveTheBitsOfItsOtherAxes) {
  for (const auto& [with, without] : {std::pair<Divided, Divided>{{2, 2, 2, 2}, {2, 1, 2, 1}},
                                      {{2, 3, 1, 4}, {2, 1, 1, 1}},
                                      {{1, 2, 4, 1}, {1, 1, 4, 1}},
                                      {{2, 2, 2, 4, true}, {2, 1, 2, 1, true}}}) {
    const Json network = testing::small_configuration({{"kind", "mnist"}})["network"];
    for (const char* preset : {"fp32", "int8"}) {
      if (with.pipeline > layers_with_weights(network)) continue;
      const Trained a = train(configuration(network, preset, with), 3);
      const Trained b = train(configuration(network, preset, without), 3);
      EXPECT_EQ(a.losses, b.losses) << with.tensor << " x " << with.pipeline << " x " << with.data << preset;
      EXPECT_EQ(a.digest, b.digest);
    }
  }
}

TEST(Mapping, TakesTheSameTimeInEveryStepAndTheSameBits) {
  for (const Divided& d : {Divided{2, 2, 1, 2}, Divided{1, 2, 2, 4}, Divided{3, 1, 2, 1}}) {
    const Json network = random_network(11);
    const Configuration config = configuration(network, "int8", d);
    const Trained values = train(config, 2), once = train(config, 1, true), timed = train(config, 2, true);
    EXPECT_EQ(timed.digest, values.digest);
    EXPECT_EQ(timed.cycles, 2 * once.cycles);
  }
}

}  // namespace
}  // namespace anzan::sim
