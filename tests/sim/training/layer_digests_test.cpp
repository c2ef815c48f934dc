// Every kind of layer in every format: one digest for any number of threads, any scratchpad, any engine with
// models of its own time, and for a run that goes on after an end.
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "compiler/input/layers.hpp"
#include "sim/training/training_run.hpp"
#include "tests/sim/systems.hpp"

namespace anzan::sim::layer_digests_test {
namespace {

using Json = nlohmann::json;

// Between a convolution `c` and a fully connected layer: the layers, each once or more.
const char* const kBetween[] = {
    R"([{"name": "x", "type": "convolution", "channels": 4, "kernel": 3, "groups": 2, "dilation": 2, "padding": "same"}])",
    R"([{"name": "x", "type": "max_pool", "kernel": 3, "stride": 2}])",
    R"([{"name": "x", "type": "max_pool", "kernel": 2}])",
    R"([{"name": "x", "type": "average_pool", "kernel": 2, "stride": 2, "ceil_mode": true}])",
    R"([{"name": "x", "type": "global_average_pool"}])",
    R"([{"name": "x", "type": "batch_norm"}, {"name": "y", "type": "relu"}])",
    R"([{"name": "x", "type": "leaky_relu", "negative_slope": 0.1}])",
    R"([{"name": "x", "type": "clip", "min": -0.25, "max": 0.5}])",
    R"([{"name": "x", "type": "hard_sigmoid"}])",
    R"([{"name": "x", "type": "hard_swish"}])",
    R"([{"name": "x", "type": "sigmoid"}])",
    R"([{"name": "x", "type": "swish"}])",
    R"([{"name": "x", "type": "tanh"}])",
    R"([{"name": "x", "type": "dropout", "rate": 0.25}])",
    R"([{"name": "x", "type": "lrn", "size": 3}])",
    R"([{"name": "x", "type": "flatten"}])",
    R"([{"name": "r", "type": "relu"}, {"name": "x", "type": "add", "inputs": ["r", "c"]}])",
    R"([{"name": "r", "type": "tanh"}, {"name": "x", "type": "multiply", "inputs": ["r", "c"]}])",
    R"([{"name": "r", "type": "relu"}, {"name": "x", "type": "concat", "inputs": ["r", "c"]}])",
};
const char* const kLosses[] = {"softmax_cross_entropy", "mean_squared_error"};
const char *const kClassifier = "fully_connected", *const kPixelClassifier = "convolution";

Json network(const char* between, const char* loss, const char* last = kClassifier) {
  Json json = Json::parse(R"({"input": {"channels": 2, "height": 8, "width": 7}, "layers":
      [{"name": "c", "type": "convolution", "channels": 6, "kernel": 3, "padding": 1}]})");
  for (const Json& layer : Json::parse(between)) json["layers"].push_back(layer);
  json["layers"].push_back({{"name", "fc"}, {"type", last}, {"channels", 5}});
  if (last == kPixelClassifier) json["layers"].back()["kernel"] = 1;
  json["layers"].push_back({{"name", "loss"}, {"type", loss}});
  return json;
}

Json digest(const std::filesystem::path& directory, const Json& json, const char* change, int iterations,
            Beginning beginning = Beginning::kNew) {
  Json changed = json;
  changed.merge_patch(Json::parse(change));
  changed["training"]["iterations"] = iterations;
  TrainingRun run(parse_configuration(changed, directory), directory / "out", beginning,
                  Progress::Kind::kQuiet);
  EXPECT_TRUE(run.train());
  return run.result()["digest"];
}

void one_digest(const char* between, const char* loss, const char* preset, const char* last = kClassifier) {
  SCOPED_TRACE(std::string(between) + " " + last + " " + loss + " " + preset);
  Json json = testing::small_configuration(
      {{"kind", "synthetic"}, {"train_images_used", 24}, {"test_images_used", 8}});
  json["network"] = network(between, loss, last);
  json["training"]["batch"] = 6;
  json["training"]["seed"] = 3;
  json["training"]["optimizer"]["learning_rate"] = {{"policy", "fixed"}, {"base", 0.01}};
  json["precision"] = {{"preset", preset}};
  json["chip"] = {{"lanes", 4}, {"scratchpad_kib", 64}};
  constexpr int kSteps = 3;
  const testing::ScratchDirectory whole;
  const Json expected = digest(whole.path(), json, "{}", kSteps);
  for (const char* change : {R"({"engine": {"threads": 2}})", R"({"chip": {"scratchpad_kib": 2048}})",
                             R"({"engine": {"kind": "cycle"}})"}) {
    const testing::ScratchDirectory other;
    EXPECT_EQ(digest(other.path(), json, change, kSteps), expected) << change;
  }
  const testing::ScratchDirectory parts;
  EXPECT_NE(digest(parts.path(), json, "{}", 1), expected);
  EXPECT_EQ(digest(parts.path(), json, "{}", kSteps, Beginning::kResume), expected) << "resumed";
}

void all_layers(const char* preset) {
  for (const char* between : kBetween) one_digest(between, kLosses[0], preset);
  one_digest(kBetween[0], kLosses[1], preset);
  for (const char* loss : kLosses) one_digest(kBetween[0], loss, preset, kPixelClassifier);
}

TEST(LayerDigests, Fp32) { all_layers("fp32"); }
TEST(LayerDigests, Int16) { all_layers("int16"); }
TEST(LayerDigests, Int8) { all_layers("int8"); }

TEST(LayerDigests, AreOfEveryKindOfLayer) {
  std::set<std::string> tried(std::begin(kLosses), std::end(kLosses)), kinds;
  for (const char* between : kBetween) {
    const Json layers = network(between, kLosses[0])["layers"];
    for (const Json& layer : layers) tried.insert(layer["type"]);
  }
  for (const compiler::LayerTraits& kind : compiler::kLayerKinds) kinds.insert(kind.name);
  EXPECT_EQ(tried, kinds);
}

}  // namespace
}  // namespace anzan::sim::layer_digests_test
