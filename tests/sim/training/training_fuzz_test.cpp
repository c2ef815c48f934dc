// Seeded random networks, precisions and chips, small enough to be quick: each compiles and trains a few
// steps, or is refused with InputError. A failure prints the seed and the configuration.
#include <gtest/gtest.h>

#include <cmath>

#include "sim/configuration/configuration.hpp"
#include "sim/engines/functional_engine.hpp"
#include "sim/training/trainer.hpp"
#include "tests/sim/draw.hpp"
#include "tests/sim/synthetic_data.hpp"

namespace anzan::sim {
namespace {

using Json = nlohmann::json;

using testing::Draw;

Json pair(Draw& draw, int least, int most) {
  return draw.chance(50) ? Json(draw.from(least, most))
                         : Json{draw.from(least, most), draw.from(least, most)};
}

// One with one input that is no loss; a convolution as often as two others.
const compiler::LayerTraits& any_kind(Draw& draw) {
  std::vector<const compiler::LayerTraits*> kinds{&compiler::traits(compiler::LayerKind::kConvolution)};
  for (const compiler::LayerTraits& kind : compiler::kLayerKinds) {
    if (kind.inputs.most == 1 && (kind.facts & compiler::kIsLoss) == 0) kinds.push_back(&kind);
  }
  return *kinds[draw.from<std::size_t>(0, kinds.size() - 1)];
}

Json layer(Draw& draw, int number) {
  const compiler::LayerTraits& kind = any_kind(draw);
  const auto takes = [&](compiler::LayerFact keys) { return (kind.facts & keys) != 0; };
  Json json{{"name", "l" + std::to_string(number)}, {"type", kind.name}};
  if (takes(compiler::kTakesWindow)) {
    json["kernel"] = pair(draw, 1, 4);
    if (draw.chance(50)) json["stride"] = pair(draw, 1, 3);
    if (draw.chance(40)) json["padding"] = pair(draw, 0, 2);
  }
  if (takes(compiler::kTakesGroups)) {
    json["groups"] = draw.one_of<int>({1, 1, 1, 2, 3});
    json["channels"] = json["groups"].get<std::int64_t>() * draw.from(1, 10);
  } else if (takes(compiler::kTakesChannels)) {
    json["channels"] = draw.from(1, 40);
  }
  if (takes(compiler::kHasWeights)) json["bias"] = draw.chance(70);
  if (takes(compiler::kTakesSlope) && draw.chance(70))
    json["negative_slope"] = 0.01 * static_cast<double>(draw.from(0, 100));
  return json;
}

Json network(Draw& draw) {
  Json json{{"input",
             {{"channels", draw.from(1, 6)},
              {"height", draw.from(1, 10)},
              {"width", draw.from(1, 10)},
              {"scale", 0.0078125}}},
            {"layers", Json::array()}};
  const auto count = static_cast<int>(draw.from(0, 5));
  for (int i = 0; i < count; ++i) json["layers"].push_back(layer(draw, i));
  if (count > 0 && draw.chance(30)) {  // a residual connection over a layer that keeps the shape
    const std::string before = json["layers"].back()["name"];
    json["layers"].push_back({{"name", "r"}, {"type", "relu"}});
    json["layers"].push_back({{"name", "sum"}, {"type", "add"}, {"inputs", {before, "r"}}});
  }
  json["layers"].push_back(
      {{"name", "classes"}, {"type", "fully_connected"}, {"channels", draw.from(2, 20)}});
  json["layers"].push_back({{"name", "loss"}, {"type", "softmax_cross_entropy"}});
  return json;
}

Json tensor_precision(Draw& draw) {
  Json json = Json::object();
  if (draw.chance(50))
    json["rounding"] = draw.one_of<const char*>({"nearest_even", "stochastic", "towards_zero"});
  if (draw.chance(20)) json["width"] = draw.from(2, 9);
  if (draw.chance(10)) json["format"] = draw.one_of<const char*>({"int8", "int16", "fp32"});
  if (draw.chance(60)) {
    json["policy"] = {{"kind", isa::kPolicyEntries[draw.from(0, isa::kPolicyInfo.size - 1)].name},
                      {"interval", draw.from(1, 3)}};
  }
  return json;
}

Json configuration(std::uint32_t seed) {
  Draw draw(seed);
  Json json = testing::small_configuration({{"kind", "mnist"}});
  json["network"] = network(draw);
  json["precision"] = {
      {"preset", draw.one_of<const char*>({"fp32", "int16", "int8", "int8_master16", "int8_master32"})}};
  for (const char* level : {"default", "weight", "activation", "momentum", "loss"}) {
    if (draw.chance(25)) json["precision"][level] = tensor_precision(draw);
  }
  json["training"]["batch"] = draw.one_of<int>({1, 5, 16, 17, 33});
  json["chip"] = {{"lanes", draw.one_of<int>({4, 8, 16, 32})},
                  {"scratchpad_kib", draw.one_of<int>({1, 8, 64, 256})}};
  return json;
}

enum class End { kTrained, kRefusedConfiguration, kRefusedByCompiler };

End train(const Json& json, std::uint32_t seed) {
  Configuration config;
  try {
    config = parse_configuration(json, "/nowhere");
  } catch (const compiler::InputError&) {
    return End::kRefusedConfiguration;
  }
  compiler::CompiledModel model;
  try {
    model = compiler::compile(config.input());
  } catch (const compiler::InputError& error) {
    for (const compiler::InputFinding& f : error.findings()) {
      EXPECT_FALSE(f.place.empty() || f.found.empty() || f.expected.empty()) << "seed " << seed << "\n"
                                                                             << error.what();
    }
    return End::kRefusedByCompiler;
  }
  const std::int64_t batch = config.parameters.batch;
  const ImageSet set = testing::noise(config.network, batch, seed);
  std::vector<std::int64_t> images;
  for (std::int64_t i = 0; i < batch; ++i) images.push_back(i);
  FunctionalEngine engine;
  Trainer trainer(model, config.network, seed, 1, engine);
  trainer.initialise(set, images, 0.01);
  for (std::int64_t step = 0; step < 2; ++step)
    EXPECT_TRUE(std::isfinite(trainer.step(set, images, step, 0.01))) << "seed " << seed;
  EXPECT_LE(trainer.classify(set, images), batch);
  return End::kTrained;
}

TEST(TrainingFuzz, RandomConfigurationsTrainOrAreRefused) {
  int ends[3] = {};
  for (std::uint32_t seed = 1; seed <= 300; ++seed) {
    const Json json = configuration(seed);
    try {
      ++ends[static_cast<int>(train(json, seed))];
    } catch (const std::exception& error) {
      ADD_FAILURE() << "seed " << seed << ": " << error.what() << "\n" << json.dump();
    }
  }
  EXPECT_GE(ends[static_cast<int>(End::kTrained)], 60);
  EXPECT_GE(ends[static_cast<int>(End::kRefusedConfiguration)], 20);
  RecordProperty("trained", ends[0]);
  RecordProperty("refused_configurations", ends[1]);
  RecordProperty("refused_by_compiler", ends[2]);
}

}  // namespace
}  // namespace anzan::sim
