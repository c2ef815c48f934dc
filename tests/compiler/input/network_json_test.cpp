// A network with its defaults spelt out is the same network.
#include "compiler/input/network_json.hpp"

#include <gmock/gmock.h>

#include <set>

#include "compiler/input/layer_keys.hpp"
#include "sim/configuration/schema.hpp"
#include "sim/host/embedded.hpp"

namespace anzan::sim::network_json_test {
namespace {

using Json = nlohmann::json;

TEST(NetworkJson, RoundTrip) {
  const compiler::Network net = compiler::parse_network(
      Json::parse(R"({"input": {"channels": 3, "height": 9, "width": 12, "offset": -0.5},
    "layers": [
      {"name": "a", "type": "convolution", "channels": 6, "kernel": [3, 2], "stride": [2, 3], "padding": [1, 0], "groups": 3, "weight_filler": {"kind": "msra"}},
      {"name": "b", "type": "convolution", "channels": 6, "kernel": 1, "bias": false, "weight_filler": {"kind": "uniform", "value": 0.1}},
      {"name": "c", "type": "add", "inputs": ["a", "b"]},
      {"name": "d", "type": "average_pool", "kernel": [2, 3], "padding": [1, 0, 0, 1], "ceil_mode": true, "count_include_pad": false},
      {"name": "k", "type": "leaky_relu"}, {"name": "l", "type": "leaky_relu", "negative_slope": 0.25},
      {"name": "m", "type": "clip", "min": -1, "max": 0.5}, {"name": "n", "type": "concat", "inputs": ["l", "m", "k"]},
      {"name": "p", "type": "batch_norm"}, {"name": "q", "type": "batch_norm", "epsilon": 0.001, "momentum": 1, "bias": false},
      {"name": "e", "type": "flatten"}, {"name": "o", "type": "dropout", "rate": 0.25}, {"name": "g", "type": "relu"},
      {"name": "h", "type": "fully_connected", "channels": 3, "bias_filler": {"kind": "gaussian", "value": 1}, "bias_decay": 0},
      {"name": "f", "type": "softmax_cross_entropy"}]})"));
  const Json once = compiler::network_to_json(net);
  const Json twice = compiler::network_to_json(compiler::parse_network(once));
  EXPECT_EQ(once, twice);
  EXPECT_TRUE(Schema::embedded("input/network.schema.json").check(once).empty());
  EXPECT_EQ(once["layers"][0]["padding"], (Json{1, 0, 1, 0}));
  EXPECT_EQ(once["layers"][4]["negative_slope"], 0.01);
  EXPECT_EQ(once["layers"][5]["negative_slope"], 0.25);
  EXPECT_EQ(once["layers"][6]["min"], -1);
  EXPECT_EQ(once["layers"][6]["max"], 0.5);
  EXPECT_EQ(once["layers"][7]["inputs"], (Json{"l", "m", "k"}));
  EXPECT_EQ(once["layers"][11]["rate"], 0.25);
  EXPECT_EQ(once["layers"][8]["epsilon"], 1e-5);
  EXPECT_EQ(once["layers"][8]["momentum"], 0.1);
  EXPECT_EQ(once["layers"][8]["weight_filler"], (Json{{"kind", "constant"}, {"value", 1.0}}));
  EXPECT_EQ(once["layers"][9]["epsilon"], 0.001);
  EXPECT_EQ(once["layers"][9]["momentum"], 1);
  EXPECT_FALSE(once["layers"][9].contains("bias_filler"));
  EXPECT_EQ(once["layers"][13]["bias_filler"]["value"], 1);
}

// The schema is data, so no compiler compares it with the table of keys. (Types: schema_enums_test.)
TEST(NetworkSchema, HasTheKeysOfTheTable) {
  const Json schema = Json::parse(embedded_files().at("input/network.schema.json"));
  const Json& keys = schema["definitions"]["layer"]["properties"];
  std::set<std::string> expected{"name", "type", "inputs"}, found;
  for (const compiler::LayerKey& key : compiler::layer_keys()) expected.insert(key.name);
  for (const auto& item : keys.items()) found.insert(item.key());
  EXPECT_EQ(found, expected);
}

}  // namespace
}  // namespace anzan::sim::network_json_test
