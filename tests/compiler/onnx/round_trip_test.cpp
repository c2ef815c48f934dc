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

// Without what the file does not keep: how values would be drawn; flattens, which move nothing. Numbers of
// layers as FP32 has them.
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
    for (auto& [key, value] : layer.items()) {
      if (value.is_number_float()) value = std::to_string(value.get<double>());
    }
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
