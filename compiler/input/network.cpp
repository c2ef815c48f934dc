// Network front end: JSON layers to Layer structs, shapes inferred front to back. Collects every
// finding before it throws; a layer whose input is unknown adds no follow-up findings.
#include "compiler/input/network.hpp"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "compiler/input/input_error.hpp"
#include "compiler/input/layer_keys.hpp"

namespace anzan::compiler {
namespace {

using Json = nlohmann::json;

const LayerTraits* find_type(const Json& layer) {
  const auto type = layer.at("type").get<std::string>();
  const auto* row = std::find_if(std::begin(kLayerKinds), std::end(kLayerKinds),
                                 [&](const LayerTraits& r) { return type == r.name; });
  return row == std::end(kLayerKinds) ? nullptr : row;
}

void read_keys(Layer& layer, const Json& json, std::vector<InputFinding>& findings) {
  layer.bias = has(layer, kHasWeights);
  if (has(layer, kNormalises)) layer.weight_filler = {Filler::Kind::kConstant, 1};
  for (const LayerKey& key : layer_keys()) {
    if (!has(layer, key.taken_by) || !json.contains(key.name)) continue;
    KeyReading reading{layer, key.name, json.at(key.name), findings};
    key.read(reading);
  }
}

class NetworkParser {
 public:
  NetworkParser(const Json& json, std::string place) : json_(json), place_(std::move(place)) {}

  Network parse() {
    read_input();
    const Json& layers = json_.at("layers");
    for (std::size_t i = 0; i < layers.size(); ++i) read_layer(layers.at(i), i);
    if (layers.empty()) {
      fail(place_ + "/layers", "an empty list", "at least one layer with weights, and a loss last");
    } else {
      check_whole();
    }
    if (!findings_.empty()) throw InputError(std::move(findings_));
    return std::move(network_);
  }

 private:
  void fail(const std::string& place, const std::string& found, const std::string& expected) {
    findings_.push_back({place, found, expected});
  }

  void read_input() {
    network_.name = json_.value("name", "network");
    network_.weights = json_.value("weights", "");
    const Json& input = json_.at("input");
    const auto size = [&](const char* key) {
      const auto value = input.at(key).get<std::int64_t>();
      if (value < 1) fail(place_ + "/input/" + key, shown_json(input.at(key)), "an integer, at least 1");
      return std::max<std::int64_t>(value, 1);
    };
    network_.input = {size("channels"), size("height"), size("width")};
    network_.scale = input.value("scale", 1.0);
    network_.offset = input.value("offset", 0.0);
    network_.mean = of_each_channel("mean");
    network_.deviation = of_each_channel("deviation");
    input_known_ = can_be_indexed(network_.input, place_ + "/input", findings_);
  }

  std::vector<double> of_each_channel(const char* key) {
    const Json& input = json_.at("input");
    if (!input.contains(key)) return {};
    std::vector<double> numbers = input.at(key).get<std::vector<double>>();
    const std::int64_t channels = network_.input.channels;
    if (static_cast<std::int64_t>(numbers.size()) != channels)
      fail(place_ + "/input/" + key, std::to_string(numbers.size()) + " numbers",
           std::to_string(channels) + ", one a channel");
    return numbers;
  }

  void read_layer(const Json& json, std::size_t number) {
    Layer layer;
    layer.place = place_ + "/layers/" + std::to_string(number);
    layer.name = json.at("name").get<std::string>();
    const LayerTraits* row = find_type(json);
    const bool known = row != nullptr;
    if (known) {
      layer.kind = row->kind;
      check_keys(layer, json);
      read_inputs(layer, json, number);
      read_keys(layer, json, findings_);
    } else {
      fail(layer.place + "/type", shown_json(json.at("type")), "a known layer type");
    }
    check_name(layer);
    const bool shaped = known && inputs_known(layer) && infer_shape(layer, json);
    shape_known_.push_back(shaped);
    numbers_.emplace(layer.name, static_cast<int>(number));
    network_.layers.push_back(std::move(layer));
  }

  void check_name(const Layer& layer) {
    static const std::set<std::string> reserved(std::begin(kReservedNames), std::end(kReservedNames));
    if (numbers_.count(layer.name) != 0) {
      fail(layer.place + "/name", shown_json(layer.name), "a name that no other layer has");
    } else if (reserved.count(layer.name) != 0) {
      fail(layer.place + "/name", shown_json(layer.name),
           "a name other than data, label and prediction, which are taken");
    }
  }

  // Keys that the type needs or cannot use.
  void check_keys(const Layer& layer, const Json& json) {
    for (const LayerKey& key : layer_keys()) {
      if (!has(layer, key.taken_by) && json.contains(key.name))
        fail(layer.place + "/" + key.name, shown_json(json.at(key.name)),
             std::string("no such key on a layer of type ") + name(layer.kind));
    }
    const auto need = [&](const char* key) {
      if (!json.contains(key))
        fail(layer.place + "/" + key, "nothing",
             std::string("the key ") + key + " on a layer of type " + name(layer.kind));
    };
    for (const LayerKey& key : layer_keys()) {
      if (has(layer, key.taken_by) && key.needed) need(key.name);
    }
    if (traits(layer.kind).inputs.least > 1) need("inputs");
  }

  void read_inputs(Layer& layer, const Json& json, std::size_t number) {
    if (!json.contains("inputs")) {
      if (traits(layer.kind).inputs.least == 1) layer.inputs = {static_cast<int>(number) - 1};
      return;
    }
    const Json& names = json.at("inputs");
    const InputCount wanted = traits(layer.kind).inputs;
    const bool enough = names.size() >= wanted.least && names.size() <= wanted.most;
    if (!enough) {
      fail(layer.place + "/inputs", shown_json(names),
           wanted.most == 1              ? "the name of one input"
           : wanted.most == wanted.least ? "the names of two inputs"
                                         : "the names of two inputs or more");
    }
    for (std::size_t k = 0; k < names.size(); ++k) {
      const auto name = names.at(k).get<std::string>();
      const auto found = numbers_.find(name);
      if (name == "data") {
        layer.inputs.push_back(-1);
      } else if (found != numbers_.end()) {
        layer.inputs.push_back(found->second);
      } else {
        fail(layer.place + "/inputs/" + std::to_string(k), shown_json(names.at(k)),
             "\"data\" or the name of an earlier layer");
      }
    }
    if (!enough || layer.inputs.size() != names.size()) layer.inputs.clear();
    if (std::set<int>(layer.inputs.begin(), layer.inputs.end()).size() < layer.inputs.size())
      fail(layer.place + "/inputs", shown_json(names), "the names of different inputs");
  }

  bool inputs_known(const Layer& layer) const {
    return !layer.inputs.empty() && std::all_of(layer.inputs.begin(), layer.inputs.end(), [&](int i) {
      return i < 0 ? input_known_ : bool(shape_known_[static_cast<std::size_t>(i)]);
    });
  }

  const Shape& shape_of(int input) const {
    return input < 0 ? network_.input : network_.layers[static_cast<std::size_t>(input)].out;
  }

  bool infer_shape(Layer& layer, const Json& json) {
    std::vector<Shape> inputs;
    for (const int input : layer.inputs) inputs.push_back(shape_of(input));
    layer.in = layer.out = inputs[0];
    if (!check_flattened(layer)) return false;
    ShapeRule rule{layer, json, inputs, findings_};
    return traits(layer.kind).shape(rule) && can_be_indexed(layer.out, layer.place, findings_);
  }

  // A flatten moves nothing, so its pixels stay pixels for all but the layers that do not care.
  bool check_flattened(const Layer& layer) {
    const bool flattened = std::any_of(layer.inputs.begin(), layer.inputs.end(),
                                       [&](int i) { return i >= 0 && flattened_.count(i) != 0; });
    const bool flattens = has(layer, kIsView) && layer.in.height * layer.in.width > 1;
    if ((flattened && has(layer, kKeepsFlattened)) || flattens)
      flattened_.insert(static_cast<int>(network_.layers.size()));
    if (!flattened || has(layer, kTakesFlattened)) return true;
    fail(layer.place, "a flattened input",
         "after a flatten a fully_connected layer, with activation functions between them at most");
    return false;
  }

  // The loss stands once, last; every other output is used; something can be trained.
  void check_whole() {
    std::set<int> used;
    bool weights = false;
    const std::size_t last = network_.layers.size() - 1;
    for (std::size_t i = 0; i <= last; ++i) {
      const Layer& layer = network_.layers[i];
      used.insert(layer.inputs.begin(), layer.inputs.end());
      weights |= has(layer, kHasWeights);
      const bool loss = has(layer, kIsLoss);
      if (loss && i != last)
        fail(layer.place + "/type", "a loss before the last layer", "the loss once, as the last layer");
      if (!loss && i == last)
        fail(layer.place + "/type", shown_json(json_.at("layers").at(i).at("type")),
             "\"softmax_cross_entropy\" or \"mean_squared_error\": the last layer is the loss");
    }
    if (!weights)
      fail(place_ + "/layers", "no layer with weights", "a convolution or fully_connected layer to train");
    if (!findings_.empty()) return;
    for (std::size_t i = 0; i < last; ++i) {
      if (used.count(static_cast<int>(i)) == 0) {
        fail(network_.layers[i].place, "an output that no layer uses", "each layer leads to the loss");
      }
    }
  }

  const Json& json_;
  std::string place_;
  Network network_;
  bool input_known_ = true;
  std::vector<bool> shape_known_;
  std::set<int> flattened_;  // layers whose output is a flattened image
  std::map<std::string, int> numbers_;
  std::vector<InputFinding> findings_;
};

}  // namespace

Network parse_network(const Json& json, const std::string& place) {
  try {
    return NetworkParser(json, place).parse();
  } catch (const Json::exception& error) {
    throw InputError(place.empty() ? "/" : place, error.what(), "a network as in network.schema.json");
  }
}

std::optional<Shape> output_shape(const Json& json, const std::vector<Shape>& inputs,
                                  std::vector<InputFinding>& findings) {
  const std::size_t before = findings.size();
  Layer layer;
  layer.kind = find_type(json)->kind;
  layer.in = layer.out = inputs.at(0);
  read_keys(layer, json, findings);
  ShapeRule rule{layer, json, inputs, findings};
  const bool known = findings.size() == before && traits(layer.kind).shape(rule) &&
                     can_be_indexed(layer.out, layer.place, findings);
  if (!known || findings.size() > before) return {};
  return layer.out;
}

std::map<std::string, std::int64_t> parameter_sizes(const Network& network) {
  std::map<std::string, std::int64_t> sizes;
  for (const Layer& l : network.layers) {
    if (!has(l, kHasWeights)) continue;
    sizes[l.name + ".weight"] = weight_count(l);
    if (l.bias) sizes[l.name + ".bias"] = l.out.channels;
    if (has(l, kNormalises))
      sizes[l.name + ".running_mean"] = sizes[l.name + ".running_variance"] = l.out.channels;
  }
  return sizes;
}

}  // namespace anzan::compiler
