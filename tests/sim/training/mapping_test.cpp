// Networks divided among cores: pipelines and micro-batches give the bits of one core, shared channels its
// sums in another order, and products of both what their parts give; in values and in time.
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <random>
#include <set>

#include "sim/configuration/configuration.hpp"
#include "sim/engines/cycle_engine.hpp"
#include "sim/engines/functional_engine.hpp"
#include "sim/training/trainer.hpp"
#include "tests/reference/random_network.hpp"
#include "tests/sim/systems.hpp"

namespace anzan::sim::mapping_test {
namespace {

using Json = nlohmann::json;

constexpr int kLanes = 4;
constexpr std::int64_t kBatch = 32;
constexpr double kRate = 0.02;

struct Divided {
  int tensor = 1, pipeline = 1, data = 1, micro_batches = 1;
  bool data_first = false;  // neighbours by number have other images
  std::string schedule = "gpipe";
  int cores() const { return tensor * pipeline * data; }
};

struct Trained {
  std::vector<double> losses;
  std::string digest;
  std::int64_t right = 0, cycles = 0;
};

const Json kClippedAdam{
    {"kind", "adamw"}, {"weight_decay", 0.01}, {"clip_norm", 0.5}, {"learning_rate", {{"base", kRate}}}};

Configuration configuration(const Json& network, const std::string& preset, const Divided& d,
                            const Json& optimizer = {}) {
  Json json = testing::small_configuration({{"kind", "mnist"}});
  json["network"] = network;
  json["precision"] = {{"preset", preset}};
  json["training"]["batch"] = kBatch;
  json["chip"] = {{"lanes", kLanes}, {"cores", d.cores()}, {"scratchpad_kib", 64}};
  json["system"]["mapping"] = {{"tensor", d.tensor},
                               {"pipeline", d.pipeline},
                               {"micro_batches", d.micro_batches},
                               {"schedule", d.schedule}};
  if (!optimizer.is_null()) json["training"]["optimizer"] = optimizer;
  if (d.data_first) json["system"]["mapping"]["axes"] = {"data", "tensor", "pipeline"};
  return parse_configuration(json, ".");
}

Trained train(const Configuration& config, int steps, bool in_time = false) {
  const compiler::CompiledModel model = compiler::compile(config.input());
  const ImageSet set = testing::noise(config.network, kBatch, 7);
  std::vector<std::int64_t> images(kBatch);
  std::iota(images.begin(), images.end(), 0);
  std::unique_ptr<Engine> engine = std::make_unique<FunctionalEngine>();
  if (in_time) engine = std::make_unique<CycleEngine>(config.cost.core, config.system);
  Trainer trainer(model, config.network, 3, 1, *engine);
  trainer.initialise(set, images, kRate);
  Trained run;
  for (std::int64_t s = 0; s < steps; ++s) run.losses.push_back(trainer.step(set, images, s, kRate));
  run.digest = trainer.digest_of_state();
  run.right = trainer.classify(set, images);
  run.cycles = trainer.cycles()[compiler::ProgramKind::kStep];
  return run;
}

// Batch normalisation is by the images of a core, all at once.
Json random_network(std::uint32_t seed, bool batch_norms = true) {
  reference::RandomNetworkLimits limits;
  limits.products_an_image = 20000;
  limits.batch_norms = batch_norms;
  Json json = Json::parse(reference::network_json(reference::random_network(seed, limits)));
  json["input"]["scale"] = 1.0 / 256;
  return json;
}

int layers_of(const Json& network, const std::set<std::string>& types) {
  int n = 0;
  for (const Json& layer : network["layers"]) n += types.count(layer["type"].get<std::string>()) != 0;
  return n;
}
bool classifies_pixels(const Json& network) { return compiler::parse_network(network).labels_an_image() > 1; }
int layers_with_weights(const Json& network) {
  return layers_of(network, {"convolution", "fully_connected", "batch_norm"});
}

// Rounding may be stochastic, sums may be in FP32: every operation has one order.
TEST(Mapping, PipelinesGiveTheBitsOfOneCore) {
  const char* const presets[] = {"int8", "fp32", "int8_master16", "int16"};
  int normalised = 0, of_pixels = 0;
  for (std::uint32_t seed = 1; seed <= 24; ++seed) {
    const int parts = 1 << seed / 2 % 4;  // of eight groups of images
    const Json network = random_network(seed, parts == 1);
    normalised += layers_of(network, {"batch_norm"});
    of_pixels += classifies_pixels(network) ? 1 : 0;
    const std::string preset = presets[seed % 4];
    SCOPED_TRACE("seed " + std::to_string(seed) + " " + preset);
    const Trained one = train(configuration(network, preset, {}), 3);
    const int stages = std::min(layers_with_weights(network), 1 + static_cast<int>(seed % 4));
    const Trained divided = train(configuration(network, preset, {1, stages, 1, parts}), 3);
    EXPECT_EQ(divided.losses, one.losses) << stages << " stages, " << parts << " micro-batches";
    EXPECT_EQ(divided.digest, one.digest);
    EXPECT_EQ(divided.right, one.right);
  }
  EXPECT_GT(normalised, 0);
  EXPECT_GT(of_pixels, 0);
}

// Gradients of weights are summed micro-batch by micro-batch, or wait for the last.
TEST(Mapping, OneForwardOneBackwardGivesTheBitsOfOneCore) {
  const char* const presets[] = {"int8_master16", "int8", "fp32", "int16"};
  int summed = 0, more_stages = 0, of_one_group = 0, added = 0;
  for (std::uint32_t seed = 201; seed <= 224; ++seed) {
    const int parts = 1 << seed % 4;  // of eight groups of images
    const Json network = random_network(seed, parts == 1);
    const std::string preset = presets[seed / 4 % 4];
    const int stages = std::min(layers_with_weights(network), 1 + static_cast<int>(seed / 2 % 5));
    SCOPED_TRACE("seed " + std::to_string(seed) + " " + preset + ", " + std::to_string(stages) + " stages, " +
                 std::to_string(parts) + " micro-batches");
    Configuration config = configuration(network, preset, {1, stages, 1, parts, false, "1f1b"});
    config.memory.slack_percent = seed % 3 == 0 ? 25 : 0;
    const Trained one = train(configuration(network, preset, {}), 3), divided = train(config, 3);
    EXPECT_EQ(divided.losses, one.losses);
    EXPECT_EQ(divided.digest, one.digest);
    EXPECT_EQ(divided.right, one.right);
    if (seed % 6 == 0) {
      EXPECT_EQ(train(config, 3, true).digest, one.digest) << "in time";
    }
    summed += compiler::dump("partition", config.input()).find("sum_for_weights") != std::string::npos;
    more_stages += stages > parts && parts > 1;
    of_one_group += parts == 8 && stages > 1;
    added += stages > 1 && layers_of(network, {"add"}) > 0;
  }
  EXPECT_GT(summed, 3);
  EXPECT_GT(more_stages, 0);
  EXPECT_GT(of_one_group, 0);
  EXPECT_GT(added, 0);
}

TEST(Mapping, OneForwardOneBackwardGivesTheBitsOfItsOtherAxes) {
  const Json network = testing::small_configuration({{"kind", "mnist"}})["network"];
  for (const auto& [with, without] : {std::pair<Divided, Divided>{{2, 2, 2, 2, false, "1f1b"}, {2, 1, 2, 1}},
                                      {{1, 2, 2, 4, true, "1f1b"}, {1, 1, 2, 1, true}},
                                      {{2, 1, 1, 8, false, "1f1b"}, {2, 1, 1, 1}}}) {
    for (const char* preset : {"fp32", "int8"}) {
      const Configuration config = configuration(network, preset, with);
      const Trained a = train(config, 3), b = train(configuration(network, preset, without), 3);
      EXPECT_EQ(a.losses, b.losses) << with.tensor << " x " << with.pipeline << " x " << with.data << preset;
      EXPECT_EQ(a.digest, b.digest);
      EXPECT_EQ(train(config, 3, true).digest, b.digest) << "in time";
    }
  }
}

// Every core trains in as much memory as the fullest stage needs: addresses beyond it are refused.
TEST(Mapping, StepsRunInTheMemoryOfTheFullestStage) {
  const Json network = testing::small_configuration({{"kind", "mnist"}})["network"];
  std::map<std::string, std::int64_t> lines;
  for (const std::string schedule : {"gpipe", "1f1b"}) {
    Configuration config = configuration(network, "int8", {1, 2, 1, 8, false, schedule});
    config.memory.slack_percent = 0;
    const compiler::CompiledModel model = compiler::compile(config.input());
    std::int64_t most = 0, constants = 0;
    for (const auto& stage : model.stages) most = std::max(most, stage.memory.planned_bytes);
    for (const auto& [line, words] : model.constants)
      constants = std::max(constants, line + (static_cast<std::int64_t>(words.size()) + kLanes - 1) / kLanes);
    EXPECT_EQ((model.step_lines - constants) * 4 * kLanes, most);
    EXPECT_EQ(model.memory.planned_bytes, most);
    lines[schedule] = model.step_lines;
    FunctionalEngine engine;
    Trainer trainer(model, config.network, 3, 1, engine);
    for (int c = 0; c < trainer.cores().size(); ++c)
      EXPECT_EQ(trainer.cores().core(c).lines(isa::Space::kHbm), model.step_lines) << "core " << c;
  }
  EXPECT_LT(lines["1f1b"], lines["gpipe"]);
}

// Pieces of several micro-batches, of one, and of a part of one; their sums go on in FP32, or not at all.
TEST(Mapping, LongSumsGoOnFromMicroBatchToMicroBatch) {
  struct Row {
    std::int64_t side;
    int parts;
    bool summed;
  };
  // 65,536 products of 16 bits: pieces of four of the eight groups, of rows of one group
  for (const Row& row : {Row{64, 2, true}, Row{64, 4, false}, Row{130, 8, true}}) {
    const Json network{
        {"input", {{"channels", 1}, {"height", row.side}, {"width", row.side}, {"scale", 1.0 / 256}}},
        {"layers",
         {{{"name", "conv"}, {"type", "convolution"}, {"channels", 2}, {"kernel", 3}, {"padding", 1}},
          {{"name", "pool"}, {"type", "max_pool"}, {"kernel", 4}, {"stride", 4}},
          {{"name", "fc"}, {"type", "fully_connected"}, {"channels", 3}},
          {{"name", "loss"}, {"type", "softmax_cross_entropy"}}}}};
    const auto wide = [&](const Divided& d) {
      Configuration config = configuration(network, "int16", d);
      config.chip.scratchpad_kib = 512;
      return config;
    };
    const Configuration divided = wide({1, 2, 1, row.parts, false, "1f1b"});
    const std::string operations = compiler::dump("partition", divided.input()),
                      sum = "sum_for_weights" + std::string(15, ' ') + "conv ";
    EXPECT_EQ(operations.find(sum) != std::string::npos, row.summed) << row.side << ", " << row.parts;
    EXPECT_EQ(train(divided, 1).digest, train(wide({}), 1).digest) << row.side << ", " << row.parts;
  }
}

// To a multiple of `cores`, but for layers of groups; a layer that is added to another keeps its shape.
void round_up_channels(Json& network, int cores) {
  for (const Json& layer : network["layers"])
    if (layer["type"] == "add") return;
  for (Json& layer : network["layers"]) {
    if (layer.contains("channels") && layer.value("groups", 1) == 1)
      layer["channels"] = (layer["channels"].get<int>() + cores - 1) / cores * cores;
  }
}

// Random networks of which at least one layer can be shared.
template <class Check>
void for_shared(std::uint32_t seeds, const std::string& preset, int steps, const Check& check) {
  int shared = 0, of_pixels = 0;
  for (std::uint32_t seed = 1; seed <= seeds; ++seed) {
    Json network = random_network(seed);
    const int cores = 2 + static_cast<int>(seed % 3);
    SCOPED_TRACE("seed " + std::to_string(seed) + ", " + std::to_string(cores) + " cores");
    if (seed % 2 == 0) round_up_channels(network, cores);
    Trained divided;
    try {
      divided = train(configuration(network, preset, {cores, 1, 1, 1}), steps);
    } catch (const compiler::InputError&) {
      continue;  // its channels do not divide
    }
    ++shared;
    of_pixels += classifies_pixels(network) ? 1 : 0;
    check(train(configuration(network, preset, {}), steps), divided);
  }
  EXPECT_GE(shared, static_cast<int>(seeds) / 3);
  EXPECT_GT(of_pixels, 0);
}

TEST(Mapping, SharedChannelsGiveTheSumsOfOneCoreInAnotherOrder) {
  for_shared(40, "fp32", 4, [](const Trained& one, const Trained& shared) {
    for (std::size_t s = 0; s < one.losses.size(); ++s)
      EXPECT_NEAR(shared.losses[s], one.losses[s], 1e-4 * std::abs(one.losses[s])) << "step " << s;
  });
}

// Forward every value is computed whole by one core: with the same points it is the same.
TEST(Mapping, SharedChannelsOfIntegersGiveTheSameFirstLoss) {
  for_shared(24, "int16", 3, [](const Trained& one, const Trained& shared) {
    EXPECT_EQ(shared.losses[0], one.losses[0]);
    EXPECT_NEAR(shared.losses[2], one.losses[2], 0.05 * one.losses[2]);
  });
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

// What a max pool keeps is packed by the channels that a core has, for the images that it works on.
TEST(Mapping, PoolsKeepTheTapsOfWhatACoreHas) {
  const Json network{
      {"input", {{"channels", 1}, {"height", 9}, {"width", 8}, {"scale", 1.0 / 256}}},
      {"layers",
       {{{"name", "conv"}, {"type", "convolution"}, {"channels", 44}, {"kernel", 3}, {"padding", 1}},
        {{"name", "pool1"}, {"type", "max_pool"}, {"kernel", 2}, {"stride", 2}},
        {{"name", "fine"}, {"type", "convolution"}, {"channels", 20}, {"kernel", 1}},
        {{"name", "pool2"}, {"type", "max_pool"}, {"kernel", 3}},
        {{"name", "fc"}, {"type", "fully_connected"}, {"channels", 4}},
        {{"name", "loss"}, {"type", "softmax_cross_entropy"}}}}};
  const auto trained = [&](const char* preset, const Divided& d) {
    return train(configuration(network, preset, d), 4);
  };
  const Trained one = trained("fp32", {});
  for (const int cores : {2, 4}) {
    const Trained shared = trained("fp32", {cores, 1, 1, 1});
    for (std::size_t s = 0; s < one.losses.size(); ++s)
      EXPECT_NEAR(shared.losses[s], one.losses[s], 1e-4 * one.losses[s]) << cores << " cores, step " << s;
    EXPECT_EQ(trained("fp32", {cores, 2, 1, 4}).digest, shared.digest) << cores << " cores in two stages";
  }
  EXPECT_EQ(trained("int8", {1, 3, 1, 8}).digest, trained("int8", {}).digest);
}

TEST(Mapping, TakesTheSameTimeInEveryStepAndTheSameBits) {
  for (const Divided& d :
       {Divided{2, 2, 1, 2}, Divided{1, 2, 2, 4}, Divided{3, 1, 2, 1}, Divided{2, 2, 1, 2, false, "1f1b"}}) {
    Json network = testing::small_configuration({{"kind", "mnist"}})["network"];
    for (Json& layer : network["layers"])
      if (layer.contains("channels")) layer["channels"] = 12;
    const Configuration config = configuration(network, "int8", d);
    const Trained values = train(config, 2), once = train(config, 1, true), timed = train(config, 2, true);
    EXPECT_EQ(timed.digest, values.digest);
    EXPECT_EQ(timed.cycles, 2 * once.cycles);
  }
}

// The norm is that of the sums of all cores; updates come after it.
TEST(Mapping, GradientsAreClippedByTheirNormOverAllImages) {
  const Json network = testing::small_configuration({{"kind", "mnist"}})["network"];
  for (const char* preset : {"fp32", "int8", "int8_master16"}) {
    const Trained one = train(configuration(network, preset, {}, kClippedAdam), 3),
                  parts = train(configuration(network, preset, {1, 1, 1, 4}, kClippedAdam), 3);
    EXPECT_EQ(parts.losses, one.losses) << preset;
    EXPECT_EQ(parts.digest, one.digest);
    EXPECT_EQ(train(configuration(network, preset, {1, 1, 1, 4, false, "1f1b"}, kClippedAdam), 3).digest,
              one.digest);
    const Configuration two = configuration(network, preset, {1, 1, 2, 1}, kClippedAdam);
    const Trained shared = train(two, 3), timed = train(two, 3, true), once = train(two, 1, true);
    EXPECT_EQ(timed.digest, shared.digest);
    EXPECT_EQ(timed.cycles, 3 * once.cycles);
    const double close = std::string(preset) == "fp32" ? 1e-4 : 0.05;
    for (std::size_t s = 0; s < one.losses.size(); ++s)
      EXPECT_NEAR(shared.losses[s], one.losses[s], close * one.losses[s]) << preset << ", step " << s;
  }
}

// What is taken from a core's share of the parameters is counted with that of the others.
TEST(Mapping, CountsUpdatesOfAllShares) {
  Json network = testing::small_configuration({{"kind", "mnist"}})["network"];
  for (Json& layer : network["layers"])
    if (layer.contains("channels")) layer["channels"] = 12;
  Json optimizer = kClippedAdam;
  optimizer.erase("clip_norm");
  for (const Divided& d : {Divided{}, Divided{3, 1, 1, 1}, Divided{1, 2, 2, 1}, Divided{2, 2, 2, 1}}) {
    const Configuration config = configuration(network, "fp32", d, optimizer);
    const compiler::CompiledModel model = compiler::compile(config.input());
    const ImageSet set = testing::noise(config.network, kBatch, 7);
    std::vector<std::int64_t> images(kBatch);
    std::iota(images.begin(), images.end(), 0);
    FunctionalEngine engine;
    Trainer trainer(model, config.network, 3, 1, engine);
    trainer.initialise(set, images, kRate);
    trainer.step(set, images, 0, kRate);
    std::map<int, std::uint64_t> wanted;
    for (const Updates& u : trainer.updates()) wanted[u.slot] = u.wanted;
    const std::int64_t size = model.tensor("fc.weight").size();
    EXPECT_EQ(wanted.at(model.tensor("fc.weight").slot), static_cast<std::uint64_t>(size)) << d.cores();
  }
}

// So a run can go on with other stages than it began with.
TEST(Mapping, RunsOfTheSameBitsHaveOneIdentity) {
  const Json network = testing::small_configuration({{"kind", "mnist"}})["network"];
  const auto identity = [&](const Divided& d) { return configuration(network, "int8", d).identity("data"); };
  EXPECT_EQ(identity({1, 2, 1, 4}), identity({}));
  EXPECT_EQ(identity({1, 2, 1, 4, false, "1f1b"}), identity({}));
  EXPECT_EQ(identity({2, 2, 2, 2}), identity({2, 1, 2, 1}));
  EXPECT_NE(identity({2, 1, 1, 1}), identity({}));
  EXPECT_NE(identity({1, 1, 2, 1}), identity({}));
}

// Values alone run core after core, each as far as it comes; in time they go side by side. What others write
// must find nothing of the receiver's there in either order, however small the scratchpad.
TEST(Mapping, CoresMayBeAheadOfEachOther) {
  const Json network{
      {"input", {{"channels", 1}, {"height", 8}, {"width", 8}, {"scale", 1.0 / 256}}},
      {"layers",
       {{{"name", "conv"}, {"type", "convolution"}, {"channels", 6}, {"kernel", 3}, {"padding", 1}},
        {{"name", "pool"}, {"type", "max_pool"}, {"kernel", 2}, {"stride", 2}},
        {{"name", "fc1"}, {"type", "fully_connected"}, {"channels", 20}},
        {{"name", "relu"}, {"type", "relu"}},
        {{"name", "fc2"}, {"type", "fully_connected"}, {"channels", 4}},
        {{"name", "loss"}, {"type", "softmax_cross_entropy"}}}}};
  // with the least for messages that hold the counters of a slot
  for (const auto& [d, least] : {std::pair{Divided{1, 1, 2, 1}, 8},
                                 {Divided{2, 1, 2, 1}, 14},
                                 {Divided{1, 2, 2, 2}, 19},
                                 {Divided{2, 2, 1, 1}, 32}}) {
    for (const int kib : {least, least + 8, least + 16}) {
      Configuration config = configuration(network, "int8_master16", d);
      config.chip.scratchpad_kib = kib;
      EXPECT_EQ(train(config, 2).digest, train(config, 2, true).digest)
          << kib << " KiB, " << d.cores() << " cores";
    }
  }
}

// Where compiler or configuration say no: the pointer, and what was expected.
TEST(Mapping, RefusesWhatCannotBe) {
  struct Row {
    Json mapping;
    int cores;
    std::int64_t batch;
    const char *place, *expected;
  };
  const Row rows[] = {
      {{{"pipeline", 3}}, 3, 32, "/system/mapping/pipeline", "at most 2, as many as layers with weights"},
      {{{"tensor", 3}}, 4, 32, "/system/mapping", "divides 4"},
      {{{"pipeline", 2}, {"micro_batches", 3}},
       2,
       32,
       "/system/mapping/micro_batches",
       "multiples of 4 lanes"},
      {{{"micro_batches", 2}}, 1, 6, "/system/mapping/micro_batches", "multiples of 4 lanes"},
      {{{"pipeline", 2}, {"stages", {"nowhere"}}}, 2, 32, "/system/mapping/stages", "names of layers"},
      {{{"pipeline", 2}, {"stages", {"conv"}}}, 2, 32, "/system/mapping/stages", "none of them the first"},
      {{{"pipeline", 2}, {"stages", {"fc", "fc"}}},
       2,
       32,
       "/system/mapping/stages",
       "the first layer of each"},
      {{{"tensor", 3}, {"split", {{"fc", "channels"}}}},
       3,
       32,
       "/system/mapping/split/fc",
       "3 cores can share"},
      {{{"tensor", 2}, {"split", {{"pool", "none"}}}},
       2,
       32,
       "/system/mapping/split/pool",
       "one of the network's"},
      {{{"tensor", 2}, {"axes", {"tensor", "data"}}}, 2, 32, "/system/mapping/axes", "an array of 3"},
      {{{"tensor", 7}}, 7, 4, "/system/mapping/tensor", "divides the channels of some layer"},
      {{{"tensor", 2}}, 4, 4, "/training/batch", "a multiple of 8"},
      {{{"automatic", true}}, 7, 4, "/system/mapping", "another number of cores or images"},
  };
  for (const Row& row : rows) {
    Json json = testing::small_configuration({{"kind", "mnist"}});
    json["network"] = Json{{"input", {{"channels", 2}, {"height", 4}, {"width", 4}}},
                           {"layers",
                            {{{"name", "conv"}, {"type", "convolution"}, {"channels", 4}, {"kernel", 3}},
                             {{"name", "pool"}, {"type", "max_pool"}, {"kernel", 2}},
                             {{"name", "fc"}, {"type", "fully_connected"}, {"channels", 5}},
                             {{"name", "loss"}, {"type", "softmax_cross_entropy"}}}}};
    json["training"]["batch"] = row.batch;
    json["chip"] = {{"lanes", kLanes}, {"cores", row.cores}};
    json["system"]["mapping"] = row.mapping;
    try {
      const Configuration c = parse_configuration(json, ".");
      compiler::compile(c.input());
      ADD_FAILURE() << row.mapping << " was taken";
    } catch (const compiler::InputError& error) {
      EXPECT_EQ(error.findings().front().place, row.place) << row.mapping;
      EXPECT_NE(error.findings().front().expected.find(row.expected), std::string::npos) << error.what();
    }
  }
}

// A convolution that is normalised, and classes.
Json normalised_network() {
  return {{"input", {{"channels", 2}, {"height", 6}, {"width", 6}, {"scale", 1.0 / 256}}},
          {"layers",
           {{{"name", "conv"}, {"type", "convolution"}, {"channels", 6}, {"kernel", 3}},
            {{"name", "norm"}, {"type", "batch_norm"}, {"momentum", 1}},
            {{"name", "relu"}, {"type", "relu"}},
            {{"name", "fc"}, {"type", "fully_connected"}, {"channels", 4}},
            {{"name", "loss"}, {"type", "softmax_cross_entropy"}}}}};
}

TEST(Mapping, ClippingIsRefusedWhereCoresShareTheNetwork) {
  const Json network = testing::small_configuration({{"kind", "mnist"}})["network"];
  for (const Divided& d : {Divided{2, 1, 1, 1}, Divided{1, 2, 1, 4}}) {
    try {
      compiler::compile(configuration(network, "int8", d, kClippedAdam).input());
      ADD_FAILURE() << "was taken";
    } catch (const compiler::InputError& error) {
      EXPECT_EQ(error.findings().front().place, "/training/optimizer/clip_norm");
      EXPECT_EQ(error.findings().front().found, "0.5");
      EXPECT_NE(error.findings().front().expected.find(d.tensor > 1 ? "mapping/tensor" : "mapping/pipeline"),
                std::string::npos);
    }
  }
}

TEST(Mapping, MicroBatchesAreRefusedWhereSumsAreOverAllImages) {
  for (const Divided& d : {Divided{1, 1, 1, 2}, Divided{1, 2, 1, 4}}) {
    try {
      compiler::compile(configuration(normalised_network(), "int8", d).input());
      ADD_FAILURE() << d.micro_batches << " micro-batches were taken";
    } catch (const compiler::InputError& error) {
      EXPECT_EQ(error.findings().front().place, "/system/mapping/micro_batches");
      EXPECT_EQ(error.findings().front().expected,
                "1: layer norm normalises by sums over all images of a core");
    }
  }
}

// Each core has averages of its own images, here very different ones; inference is by those of core 0.
TEST(Mapping, ACoreInfersAsTheOthers) {
  for (const int cores : {2, 4}) {
    const Configuration config = configuration(normalised_network(), "fp32", {1, 1, cores, 1});
    const compiler::CompiledModel model = compiler::compile(config.input());
    ImageSet set = testing::noise(config.network, kBatch, 7);
    const auto first = static_cast<std::int64_t>(kBatch / cores);
    for (std::size_t i = static_cast<std::size_t>(first * set.size); i < set.images.size(); ++i)
      set.images[i] = static_cast<std::uint8_t>(set.images[i] / 16 + 200);
    std::vector<std::int64_t> images(kBatch), again(kBatch);
    std::iota(images.begin(), images.end(), 0);
    for (std::int64_t n = 0; n < kBatch; ++n) again[static_cast<std::size_t>(n)] = n % first;
    FunctionalEngine engine;
    Trainer trainer(model, config.network, 3, 1, engine);
    trainer.initialise(set, images, kRate);
    for (std::int64_t s = 0; s < 20; ++s) trainer.step(set, images, s, kRate);
    const std::string state = trainer.digest_of_state();
    const std::vector<std::int64_t> alone(images.begin(), images.begin() + first);
    const std::int64_t right = trainer.classify(set, alone);
    EXPECT_GT(right, 0);
    EXPECT_EQ(trainer.classify(set, again), cores * right) << cores << " cores";
    EXPECT_EQ(trainer.digest_of_state(), state);
  }
}

// Integers at one point are summed exactly, in whatever pieces they go round.
TEST(Mapping, StreamsGiveTheBitsOfWholeSegments) {
  const char* const presets[] = {"int8", "int16", "int8_master16"};
  int clipped = 0;
  for (const Divided& d : {Divided{1, 1, 2}, {1, 1, 8}, {2, 1, 4}, {1, 2, 4, 1}}) {
    const auto seed = static_cast<std::uint32_t>(d.cores() + d.tensor);
    Json network = random_network(400 + seed, d.micro_batches == 1);
    network["layers"].back() = {{"name", "loss"}, {"type", "softmax_cross_entropy"}};
    const Json optimizer = d.cores() == 8 && d.data == 8 ? kClippedAdam : Json();
    clipped += optimizer.is_null() ? 0 : 1;
    const auto configured = [&](int stream_kib) {
      Configuration c = configuration(network, presets[seed % 3], d, optimizer);
      Json json = c.effective;
      json["system"]["exchange"]["segment_kib"] = 1;
      json["system"]["exchange"]["stream_kib"] = stream_kib;
      return parse_configuration(json, ".");
    };
    SCOPED_TRACE(std::to_string(d.tensor) + " x " + std::to_string(d.pipeline) + " x " +
                 std::to_string(d.data));
    const Trained whole = train(configured(0), 3);
    for (const int kib : {1, 3}) {
      const Trained streamed = train(configured(kib), 3);
      EXPECT_EQ(streamed.losses, whole.losses) << kib;
      EXPECT_EQ(streamed.digest, whole.digest) << kib;
    }
    EXPECT_EQ(train(configured(1), 3, true).digest, whole.digest) << "in time";
  }
  EXPECT_GT(clipped, 0);
}

}  // namespace
}  // namespace anzan::sim::mapping_test
