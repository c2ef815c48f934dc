// What is exported and imported again is the same network with the same bits: of random networks, which have
// every kind of layer.
#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>
#include <random>
#include <set>

#include "compiler/input/network_json.hpp"
#include "compiler/onnx/export.hpp"
#include "compiler/onnx/file.hpp"
#include "compiler/onnx/import.hpp"
#include "tests/reference/random_network.hpp"

namespace anzan::testing::round_trip_test {
namespace {

using compiler::Layer;
using compiler::LayerKind;
using compiler::Network;
using compiler::ParameterValues;
using Json = nlohmann::json;

ParameterValues drawn_values(const Network& network, std::uint32_t seed) {
  std::mt19937 random(seed);
  ParameterValues values;
  for (const auto& [name, size] : compiler::parameter_sizes(network)) {
    for (std::int64_t k = 0; k < size; ++k)
      values[name].push_back(static_cast<float>(random()) / 4294967296.0F * 1.3e-3F);
  }
  return values;
}

// ONNX has biases in every batch normalisation.
Network with_biases(Network network) {
  for (Layer& l : network.layers) l.bias = l.bias || l.kind == LayerKind::kBatchNorm;
  return network;
}

// Without what the file does not keep: how values would be drawn; flattens, which move nothing.
Json essence(const Network& network) {
  Json json = compiler::network_to_json(network);
  std::map<std::string, std::string> behind;
  Json layers = Json::array();
  for (Json layer : json["layers"]) {
    for (Json& input : layer["inputs"]) {
      while (behind.count(input.get<std::string>()) != 0) input = behind[input.get<std::string>()];
    }
    if (layer["type"] == "flatten") {
      behind[layer["name"].get<std::string>()] = layer["inputs"][0].get<std::string>();
      continue;
    }
    for (const char* key : {"weight_filler", "bias_filler"}) layer.erase(key);
    layers.push_back(layer);
  }
  json["layers"] = layers;
  return json;
}

Network imported_network(const compiler::onnx::Imported& imported) {
  return compiler::parse_network(imported.network);
}

TEST(OnnxRoundTrip, RandomNetworksComeBackBitForBit) {
  constexpr std::uint32_t kNetworks = 400;
  std::set<LayerKind> seen;
  for (std::uint32_t seed = 1; seed <= kNetworks; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const Network network = with_biases(reference::random_network(seed));
    for (const Layer& l : network.layers) seen.insert(l.kind);
    const ParameterValues values = drawn_values(network, seed);
    const std::string bytes = compiler::onnx::model_bytes(compiler::onnx::export_model(network, values));
    const auto imported = compiler::onnx::import_model(compiler::onnx::parse_model(bytes, "file"), "file");
    const Network back = imported_network(imported);
    ASSERT_EQ(essence(back), essence(network)) << reference::network_json(network);
    ASSERT_EQ(imported.values, values);
    const std::string again =
        compiler::onnx::model_bytes(compiler::onnx::export_model(back, imported.values));
    const auto twice = compiler::onnx::import_model(compiler::onnx::parse_model(again, "file"), "file");
    ASSERT_EQ(compiler::network_to_json(imported_network(twice)), compiler::network_to_json(back));
    ASSERT_EQ(twice.values, values);
    if (back.layers.size() == network.layers.size()) {  // no flatten, which needs no node of its own
      ASSERT_TRUE(again == bytes);
    }
  }
  EXPECT_EQ(seen.size(), std::size(compiler::kLayerKinds));
}

Network back_from_file(const Network& network, const ParameterValues& values) {
  const std::string bytes = compiler::onnx::model_bytes(compiler::onnx::export_model(network, values));
  const auto imported = compiler::onnx::import_model(compiler::onnx::parse_model(bytes, "file"), "file");
  EXPECT_EQ(imported.values, values);
  return imported_network(imported);
}

// What a fully_connected gives is a list to ONNX, and has pixels to layers that look at some.
TEST(OnnxRoundTrip, LayersOfPixelsComeBehindLists) {
  for (const char* layer : {R"("type": "convolution", "channels": 2, "kernel": 3, "padding": 1)",
                            R"("type": "max_pool", "kernel": 3, "padding": 1)",
                            R"("type": "average_pool", "kernel": 3, "padding": 1)",
                            R"("type": "global_average_pool")", R"("type": "lrn", "size": 3)"}) {
    SCOPED_TRACE(layer);
    const Network network = compiler::parse_network(Json::parse(R"({
      "input": {"channels": 2, "height": 2, "width": 2},
      "layers": [{"name": "first", "type": "fully_connected", "channels": 3},
                 {"name": "pixels", )" + std::string(layer) + R"(},
                 {"name": "last", "type": "fully_connected", "channels": 2},
                 {"name": "loss", "type": "softmax_cross_entropy"}]})"));
    EXPECT_EQ(essence(back_from_file(network, drawn_values(network, 1))), essence(network));
  }
}

TEST(OnnxRoundTrip, NumbersLoseNoBit) {
  for (const double n : {0.0, 0.1, 0.123456789, 1.2345678e-4, 1e-9, 3e-10, 1 - 1e-9, 1.0 / 3}) {
    SCOPED_TRACE(n);
    Network network = compiler::parse_network(Json::parse(R"({
      "input": {"channels": 2, "height": 2, "width": 2},
      "layers": [{"name": "norm", "type": "batch_norm"}, {"name": "lrn", "type": "lrn"},
                 {"name": "leaky", "type": "leaky_relu"}, {"name": "drop", "type": "dropout"},
                 {"name": "clip", "type": "clip", "min": 0, "max": 1},
                 {"name": "last", "type": "fully_connected", "channels": 2},
                 {"name": "loss", "type": "softmax_cross_entropy"}]})"));
    std::vector<Layer>& l = network.layers;
    l[0].average_momentum = l[1].alpha = l[1].beta = l[2].negative_slope = n;
    l[3].rate = n / 2;
    l[0].epsilon = l[1].k = n / 2 + 1e-5;
    l[4].least = -n;
    l[4].greatest = 1 + n;
    const ParameterValues values = drawn_values(network, 1);
    EXPECT_EQ(essence(back_from_file(network, values)), essence(network));
    // what another program has changed since is right
    compiler::onnx::Model model = compiler::onnx::export_model(network, values);
    for (auto& attribute : model.nodes[0].attributes) {
      if (attribute.name == "momentum") attribute.number = 0.75F;
    }
    EXPECT_EQ(imported_network(compiler::onnx::import_model(model, "file")).layers[0].average_momentum, 0.25);
  }
}

TEST(OnnxRoundTrip, ANormalisationWithoutBiasGetsOneOfZeros) {
  const Network network = compiler::parse_network(Json::parse(R"({
    "input": {"channels": 3, "height": 4, "width": 4},
    "layers": [{"name": "bn", "type": "batch_norm", "bias": false},
               {"name": "fc", "type": "fully_connected", "channels": 2},
               {"name": "loss", "type": "softmax_cross_entropy"}]})"));
  const ParameterValues values = drawn_values(network, 1);
  const auto imported = compiler::onnx::import_model(compiler::onnx::export_model(network, values), "file");
  EXPECT_EQ(imported.values.at("bn.bias"), std::vector<float>(3, 0));
  EXPECT_EQ(imported.values.at("bn.running_variance"), values.at("bn.running_variance"));
}

}  // namespace
}  // namespace anzan::testing::round_trip_test
