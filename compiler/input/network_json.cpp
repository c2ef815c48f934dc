// The inverse of network.cpp, by the same table of keys.
#include "compiler/input/network_json.hpp"

#include <utility>

#include "compiler/input/layer_keys.hpp"

namespace anzan::compiler {
namespace {

using Json = nlohmann::json;

Json layer_json(const Layer& layer, const std::vector<Layer>& layers) {
  Json json{{"name", layer.name}, {"type", name(layer.kind)}, {"inputs", Json::array()}};
  for (const int input : layer.inputs) {
    json["inputs"].push_back(input < 0 ? "data" : layers[static_cast<std::size_t>(input)].name);
  }
  for (const LayerKey& key : layer_keys()) {
    if (!has(layer, key.taken_by)) continue;
    if (Json value = key.write(layer); !value.is_null()) json[key.name] = std::move(value);
  }
  return json;
}

}  // namespace

Json network_to_json(const Network& network) {
  const Shape& in = network.input;
  Json json{{"name", network.name}, {"layers", Json::array()}};
  json["input"] = {{"channels", in.channels},
                   {"height", in.height},
                   {"width", in.width},
                   {"scale", network.scale},
                   {"offset", network.offset}};
  if (!network.mean.empty()) json["input"]["mean"] = network.mean;
  if (!network.deviation.empty()) json["input"]["deviation"] = network.deviation;
  if (!network.weights.empty()) json["weights"] = network.weights;
  for (const Layer& layer : network.layers) json["layers"].push_back(layer_json(layer, network.layers));
  return json;
}

}  // namespace anzan::compiler
