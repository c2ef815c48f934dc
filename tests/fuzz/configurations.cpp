// Networks and precisions are drawn from the compiler's own tables of layers and policies.
#include "tests/fuzz/configurations.hpp"

#include <fstream>
#include <functional>
#include <numeric>

#include "compiler/input/input_error.hpp"
#include "compiler/input/layers.hpp"
#include "compiler/input/network.hpp"
#include "isa/isa_generated.hpp"
#include "tests/reference/random_network.hpp"
#include "tests/sim/synthetic_data.hpp"

namespace anzan::fuzz {
namespace {

namespace fs = std::filesystem;

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
  return *pick(draw, kinds);
}

Json layer(Draw& draw, int number) {
  const compiler::LayerTraits& kind = any_kind(draw);
  const auto takes = [&](compiler::LayerFact keys) { return (kind.facts & keys) != 0; };
  Json json{{"name", "l" + std::to_string(number)}, {"type", kind.name}};
  if (takes(compiler::kTakesWindow)) {
    json["kernel"] = pair(draw, 1, 3);
    if (draw.chance(50)) json["stride"] = pair(draw, 1, 3);
    if (draw.chance(40)) json["padding"] = pair(draw, 0, 2);
  }
  if (takes(compiler::kTakesGroups)) {
    json["groups"] = draw.one_of<int>({1, 1, 1, 1, 2, 3});
    json["channels"] = json["groups"].get<std::int64_t>() * draw.from(1, 10);
  } else if (takes(compiler::kTakesChannels)) {
    json["channels"] = draw.from(1, 40);
  }
  if (takes(compiler::kHasWeights)) json["bias"] = draw.chance(70);
  if (takes(compiler::kTakesSlope) && draw.chance(70))
    json["negative_slope"] = 0.01 * static_cast<double>(draw.from(0, 100));
  if (takes(compiler::kNormalises) && draw.chance(50)) {
    json["epsilon"] = draw.one_of({1e-12, 1e-3, 1.0});
    json["momentum"] = 0.1 * static_cast<double>(draw.from(0, 10));
  }
  return json;
}

// Layers one after the other that may not fit each other.
Json any_network(Draw& draw) {
  Json json{{"input",
             {{"channels", draw.from(1, 6)},
              {"height", draw.from(2, 10)},
              {"width", draw.from(2, 10)},
              {"scale", 0.0078125}}},
            {"layers", Json::array()}};
  const int count = draw.from(0, 4);
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

Json network(Draw& draw) {
  if (draw.chance(35)) return any_network(draw);
  reference::RandomNetworkLimits limits;
  limits.blocks = 3;
  limits.channels = 12;
  limits.products_an_image = 20000;
  const compiler::Network legal = reference::random_network(draw.from<std::uint32_t>(0, 1U << 30), limits);
  return Json::parse(reference::network_json(legal));
}

Json tensor_precision(Draw& draw, bool integers) {
  Json json = Json::object();
  if (draw.chance(50))
    json["rounding"] = draw.one_of<const char*>({"nearest_even", "stochastic", "towards_zero"});
  if (integers && draw.chance(20)) json["width"] = draw.from(2, 8);
  if (draw.chance(5)) json["format"] = draw.one_of<const char*>({"int8", "int16", "fp32"});
  if (draw.chance(60)) {
    json["policy"] = {{"kind", isa::kPolicyEntries[draw.from(0, isa::kPolicyInfo.size - 1)].name},
                      {"interval", draw.from(1, 3)}};
  }
  return json;
}

// Any kind, mostly with keys of its own.
Json optimizer(Draw& draw) {
  const auto kind = draw.one_of<std::string>({"sgd", "adam", "adamw"});
  Json json{{"kind", kind}, {"learning_rate", {{"base", draw.one_of({0.05, 0.001, 0.0})}}}};
  const bool sgd = (kind == "sgd") != draw.chance(5);
  if (sgd && draw.chance(70)) json["momentum"] = draw.one_of({0.9, 0.5, 0.0});
  if (sgd && draw.chance(50)) json["nesterov"] = draw.chance(80);
  if (!sgd && draw.chance(50)) json["beta1"] = draw.one_of({0.9, 0.0});
  if (!sgd && draw.chance(50)) json["beta2"] = draw.one_of({0.999, 0.5, 0.0});
  if (!sgd && draw.chance(50)) json["epsilon"] = draw.one_of({1e-12, 1e-3, 1.0});
  if (draw.chance(50)) json["weight_decay"] = draw.one_of({5e-4, 0.1});
  if (draw.chance(30)) json["clip_norm"] = draw.one_of({1e-6, 0.5, 1e6});
  if (draw.chance(40)) json["learning_rate"]["warmup_steps"] = draw.one_of({1, 3, 1000});
  if (draw.chance(30)) json["learning_rate"]["policy"] = "cosine";
  return json;
}

// Chips and axes that the batch divides by.
void add_system(Draw& draw, Json& json) {
  const int chips = draw.one_of({2, 2, 3, 4}), cores = draw.one_of({1, 1, 2});
  const std::string kind = draw.one_of({"ring", "full", "switch", "mesh"});
  json["system"] = {{"chips", chips}, {"topology", {{"kind", kind}, {"sizes", {chips}}}}};
  json["chip"]["cores"] = cores;
  int data = chips * cores;
  const int share = draw.one_of({1, 2});
  if (draw.chance(30) && data % share == 0) {
    json["system"]["mapping"][draw.one_of({"tensor", "pipeline"})] = share;
    data /= share;
  }
  json["training"]["batch"] = json["chip"]["lanes"].get<int>() * data;
}

Json read(const fs::path& file) {
  std::ifstream stream(fs::path(ANZAN_SOURCE_DIR) / "workloads" / file);
  return Json::parse(stream);
}

std::string random_bytes(Draw& draw, std::size_t count, int below) {
  std::string bytes(count, '\0');
  for (char& byte : bytes) byte = static_cast<char>(draw.from(0, below - 1));
  return bytes;
}

}  // namespace

Json dataset() {
  return {{"kind", "idx"},
          {"train_images", "train-images"},
          {"train_labels", "train-labels"},
          {"test_images", "test-images"},
          {"test_labels", "test-labels"}};
}

Json drawn_configuration(Draw& draw) {
  Json json = sim::testing::small_configuration(dataset());
  json["network"] = network(draw);
  const std::string preset = draw.one_of({"fp32", "int16", "int8", "int8_master16", "int8_master32"});
  json["precision"] = {{"preset", preset}};
  for (const char* level : {"weight", "activation", "activation_gradient", "momentum", "first_moment",
                            "second_moment", "default"}) {
    if (draw.chance(15)) json["precision"][level] = tensor_precision(draw, preset != "fp32");
  }
  json["training"]["batch"] = draw.one_of<int>({1, 5, 16, 17, 33});
  json["chip"] = {{"lanes", draw.one_of<int>({4, 8, 16, 32})},
                  {"scratchpad_kib", draw.one_of<int>({16, 64, 64, 256, 2048})}};
  if (draw.chance(30)) add_system(draw, json);
  if (draw.chance(40)) json["training"]["optimizer"] = optimizer(draw);
  return json;
}

Json shipped_configuration(Draw& draw) {
  const bool large = draw.chance(4);
  Json json =
      read(large ? "systems/alexnet_64chips.json"
                 : draw.one_of({"configs/lenet_mnist_fp32.json", "configs/lenet_mnist_int16.json",
                                "configs/lenet_mnist_int8.json", "configs/lenet_mnist_int8_master16.json",
                                "configs/lenet_mnist_int8_master32.json"}));
  json["network"] = read(large ? "networks/alexnet.json" : "networks/lenet.json");
  json["dataset"] = dataset();
  if (!large) json["training"]["batch"] = draw.one_of({4, 16, 64});
  return json;
}

Json any_configuration(Draw& draw) {
  const int kind = draw.from(0, 9);
  Json json = kind < 6   ? drawn_configuration(draw)
              : kind < 9 ? sim::testing::small_configuration(dataset())
                         : shipped_configuration(draw);
  if (draw.chance(10)) json["technology"] = read("technology/45nm.json");
  return json;
}

namespace {

// The pixels of the logits, where there are several; a network that is refused has none.
std::vector<std::uint32_t> labels_of(const Json& network) {
  try {
    const compiler::Shape logits = compiler::parse_network(network).logits();
    if (logits.height * logits.width > 1)
      return {static_cast<std::uint32_t>(logits.height), static_cast<std::uint32_t>(logits.width)};
  } catch (const compiler::InputError&) {
  }
  return {};
}

}  // namespace

Files data_files(Draw& draw, const Json& configuration) {
  Files files;
  const Json& network = configuration.at("network");
  std::vector<std::uint32_t> shape{0};
  std::size_t size = 1;
  for (const char* key : {"channels", "height", "width"}) {
    const auto extent = network.at("input").at(key).get<std::uint32_t>();
    size *= extent;
    shape.push_back(extent);
  }
  if (shape[1] == 1) shape.erase(shape.begin() + 1);  // grey images are written without channels
  int classes = 2;
  for (const Json& layer : network.at("layers")) classes = std::min(layer.value("channels", classes), 200);
  for (const auto& [name, count] : {std::pair<std::string, std::uint32_t>{"train", 24}, {"test", 9}}) {
    shape[0] = count;
    const auto bytes = [](const std::string& text) {
      return std::vector<std::uint8_t>(text.begin(), text.end());
    };
    files.emplace_back(name + "-images",
                       sim::testing::idx_bytes(shape, bytes(random_bytes(draw, count * size, 256))));
    std::vector<std::uint32_t> labels = labels_of(network);
    const std::uint32_t all = std::accumulate(labels.begin(), labels.end(), count, std::multiplies<>());
    labels.insert(labels.begin(), count);
    files.emplace_back(name + "-labels",
                       sim::testing::idx_bytes(labels, bytes(random_bytes(draw, all, classes))));
  }
  return files;
}

}  // namespace anzan::fuzz
