// Network front end: JSON layers to Layer structs, shapes inferred front to back. Collects every
// finding before it throws; a layer whose input is unknown adds no follow-up findings.
#include "compiler/input/network.hpp"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "compiler/input/input_error.hpp"

namespace anzan::compiler {
namespace {

using Json = nlohmann::json;

constexpr std::int64_t kSizeLimit = std::int64_t{1} << 31;  // elements of one tensor (32-bit indices)

struct KindRow {
  const char* name;
  LayerKind kind;
  bool channels, window, weights;  // takes `channels`; kernel, stride, padding; weights and biases
};
constexpr KindRow kKinds[] = {
    {"convolution", LayerKind::kConvolution, true, true, true},
    {"fully_connected", LayerKind::kFullyConnected, true, false, true},
    {"max_pool", LayerKind::kMaxPool, false, true, false},
    {"average_pool", LayerKind::kAveragePool, false, true, false},
    {"relu", LayerKind::kRelu, false, false, false},
    {"flatten", LayerKind::kFlatten, false, false, false},
    {"add", LayerKind::kAdd, false, false, false},
    {"softmax_cross_entropy", LayerKind::kSoftmaxCrossEntropy, false, false, false},
};

std::string text(const Json& value) {
  std::string dump = value.dump(-1, ' ', false, Json::error_handler_t::replace);
  if (dump.size() > 100) dump = dump.substr(0, 100) + "…";
  return dump;
}

std::string text(const Shape& s) {
  return std::to_string(s.channels) + "x" + std::to_string(s.height) + "x" + std::to_string(s.width);
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
    const Json& input = json_.at("input");
    const auto size = [&](const char* key) {
      const auto value = input.at(key).get<std::int64_t>();
      if (value < 1) fail(place_ + "/input/" + key, text(input.at(key)), "an integer, at least 1");
      return std::max<std::int64_t>(value, 1);
    };
    network_.input = {size("channels"), size("height"), size("width")};
    network_.scale = input.value("scale", 1.0);
    network_.offset = input.value("offset", 0.0);
    input_known_ = fits(network_.input, place_ + "/input");
  }

  bool fits(const Shape& s, const std::string& place) {
    const double size = double(s.channels) * double(s.height) * double(s.width);
    if (size < double(kSizeLimit)) return true;
    fail(place, "a tensor of " + text(s) + " elements an image", "fewer than 2^31 elements");
    return false;
  }

  void read_layer(const Json& json, std::size_t number) {
    Layer layer;
    layer.place = place_ + "/layers/" + std::to_string(number);
    layer.name = json.at("name").get<std::string>();
    const auto type = json.at("type").get<std::string>();
    const auto* row =
        std::find_if(std::begin(kKinds), std::end(kKinds), [&](const KindRow& r) { return type == r.name; });
    const bool known = row != std::end(kKinds);
    if (known) {
      layer.kind = row->kind;
      check_keys(layer, json, *row);
      read_inputs(layer, json, number);
      if (row->weights) read_parameters(layer, json);
      if (row->window) read_window(layer, json);
    } else {
      fail(layer.place + "/type", text(json.at("type")), "a known layer type");
    }
    check_name(layer);
    const bool shaped = known && inputs_known(layer) && infer_shape(layer, json, *row);
    shape_known_.push_back(shaped);
    numbers_.emplace(layer.name, static_cast<int>(number));
    network_.layers.push_back(std::move(layer));
  }

  void check_name(const Layer& layer) {
    static const std::set<std::string> reserved{"data", "label", "prediction"};
    if (numbers_.count(layer.name) != 0) {
      fail(layer.place + "/name", text(layer.name), "a name that no other layer has");
    } else if (reserved.count(layer.name) != 0) {
      fail(layer.place + "/name", text(layer.name),
           "a name other than data, label and prediction, which are taken");
    }
  }

  // Keys that the type needs or cannot use.
  void check_keys(const Layer& layer, const Json& json, const KindRow& row) {
    const auto group = [&](bool allowed, std::initializer_list<const char*> keys) {
      for (const char* key : keys) {
        if (!allowed && json.contains(key)) {
          fail(layer.place + "/" + key, text(json.at(key)),
               std::string("no such key on a layer of type ") + row.name);
        }
      }
    };
    group(row.channels, {"channels"});
    group(row.window, {"kernel", "stride", "padding"});
    group(row.kind == LayerKind::kConvolution, {"groups"});
    group(row.weights,
          {"bias", "weight_filler", "bias_filler", "weight_lr", "bias_lr", "weight_decay", "bias_decay"});
    const auto need = [&](bool needed, const char* key) {
      if (needed && !json.contains(key)) {
        fail(layer.place + "/" + key, "nothing",
             std::string("the key ") + key + " on a layer of type " + row.name);
      }
    };
    need(row.channels, "channels");
    need(row.window, "kernel");
    need(row.kind == LayerKind::kAdd, "inputs");
  }

  void read_inputs(Layer& layer, const Json& json, std::size_t number) {
    if (!json.contains("inputs")) {
      if (layer.kind != LayerKind::kAdd) layer.inputs = {static_cast<int>(number) - 1};
      return;
    }
    const Json& names = json.at("inputs");
    const std::size_t wanted = layer.kind == LayerKind::kAdd ? 2 : 1;
    if (names.size() != wanted) {
      fail(layer.place + "/inputs", text(names),
           wanted == 2 ? "the names of two inputs" : "the name of one input");
    }
    for (std::size_t k = 0; k < names.size(); ++k) {
      const auto name = names.at(k).get<std::string>();
      const auto found = numbers_.find(name);
      if (name == "data") {
        layer.inputs.push_back(-1);
      } else if (found != numbers_.end()) {
        layer.inputs.push_back(found->second);
      } else {
        fail(layer.place + "/inputs/" + std::to_string(k), text(names.at(k)),
             "\"data\" or the name of an earlier layer");
      }
    }
    if (layer.inputs.size() != wanted) layer.inputs.clear();
    if (wanted == 2 && layer.inputs.size() == 2 && layer.inputs[0] == layer.inputs[1]) {
      fail(layer.place + "/inputs", text(names), "the names of two different inputs");
    }
  }

  bool inputs_known(const Layer& layer) const {
    return !layer.inputs.empty() && std::all_of(layer.inputs.begin(), layer.inputs.end(), [&](int i) {
      return i < 0 ? input_known_ : bool(shape_known_[static_cast<std::size_t>(i)]);
    });
  }

  const Shape& shape_of(int input) const {
    return input < 0 ? network_.input : network_.layers[static_cast<std::size_t>(input)].out;
  }

  // A key that holds one number for both directions, or [height, width].
  void read_pair(const Layer& layer, const Json& json, const char* key, std::int64_t least, std::int64_t& h,
                 std::int64_t& w) {
    if (!json.contains(key)) return;
    const Json& value = json.at(key);
    h = value.is_array() ? value.at(0).get<std::int64_t>() : value.get<std::int64_t>();
    w = value.is_array() ? value.at(1).get<std::int64_t>() : h;
    if (h >= least && w >= least) return;
    fail(layer.place + "/" + key, text(value), "at least " + std::to_string(least));
    h = std::max(h, least);
    w = std::max(w, least);
  }

  void read_window(Layer& layer, const Json& json) {
    read_pair(layer, json, "kernel", 1, layer.kernel_h, layer.kernel_w);
    read_pair(layer, json, "stride", 1, layer.stride_h, layer.stride_w);
    read_pair(layer, json, "padding", 0, layer.pad_h, layer.pad_w);
    if (json.contains("groups")) {
      layer.groups = json.at("groups").get<std::int64_t>();
      if (layer.groups < 1) fail(layer.place + "/groups", text(json.at("groups")), "at least 1");
    }
    if (layer.kind != LayerKind::kConvolution &&
        (layer.pad_h >= layer.kernel_h || layer.pad_w >= layer.kernel_w)) {
      fail(layer.place + "/padding", json.contains("padding") ? text(json.at("padding")) : "0",
           "less than the kernel, so that each window meets its input");
    }
  }

  void read_parameters(Layer& layer, const Json& json) {
    layer.bias = json.value("bias", true);
    layer.weight_lr = json.value("weight_lr", 1.0);
    layer.bias_lr = json.value("bias_lr", 1.0);
    layer.weight_decay = json.value("weight_decay", 1.0);
    layer.bias_decay = json.value("bias_decay", 1.0);
    read_filler(layer, json, "weight_filler", layer.weight_filler);
    read_filler(layer, json, "bias_filler", layer.bias_filler);
    if (layer.bias) return;
    for (const char* key : {"bias_filler", "bias_lr", "bias_decay"}) {
      if (json.contains(key))
        fail(layer.place + "/" + key, text(json.at(key)), "no such key where bias is false");
    }
  }

  void read_filler(const Layer& layer, const Json& json, const char* key, Filler& filler) {
    static const std::map<std::string, Filler::Kind> kinds{{"xavier", Filler::Kind::kXavier},
                                                           {"msra", Filler::Kind::kMsra},
                                                           {"gaussian", Filler::Kind::kGaussian},
                                                           {"uniform", Filler::Kind::kUniform},
                                                           {"constant", Filler::Kind::kConstant}};
    if (!json.contains(key)) return;
    const Json& value = json.at(key);
    const std::string place = layer.place + "/" + key;
    const auto kind = kinds.find(value.at("kind").get<std::string>());
    if (kind == kinds.end()) return fail(place + "/kind", text(value.at("kind")), "a known filler");
    filler = {kind->second, value.value("value", 0.0)};
    const bool takes_value = filler.kind != Filler::Kind::kXavier && filler.kind != Filler::Kind::kMsra;
    if (takes_value && !value.contains("value"))
      fail(place + "/value", "nothing", "a number: filler " + kind->first + " needs it");
    if (!takes_value && value.contains("value")) {
      fail(place + "/value", text(value.at("value")),
           "no such key: filler " + kind->first + " takes its range from the layer");
    }
    if (takes_value && filler.kind != Filler::Kind::kConstant && filler.value < 0) {
      fail(place + "/value", text(value.at("value")), "a number, at least 0");
    }
  }

  bool infer_shape(Layer& layer, const Json& json, const KindRow& row) {
    layer.in = shape_of(layer.inputs[0]);
    layer.out = layer.in;
    if (layer.kind == LayerKind::kFlatten) layer.out = {layer.in.size(), 1, 1};
    if (!check_flattened(layer)) return false;
    if (layer.kind == LayerKind::kFullyConnected) {
      layer.kernel_h = layer.in.height;
      layer.kernel_w = layer.in.width;
    }
    if (layer.kind == LayerKind::kAdd) return check_add(layer);
    if (layer.kind == LayerKind::kSoftmaxCrossEntropy) return check_loss(layer);
    if ((row.window && !json.contains("kernel")) || (row.channels && !json.contains("channels")))
      return false;
    if ((row.window || row.channels) && !infer_window(layer, json)) return false;
    if (row.channels && !infer_channels(layer, json)) return false;
    return fits(layer.out, layer.place);
  }

  // A flatten moves nothing, so its pixels stay pixels for all but the layers that do not care.
  bool check_flattened(const Layer& layer) {
    const bool flattened = std::any_of(layer.inputs.begin(), layer.inputs.end(),
                                       [&](int i) { return i >= 0 && flattened_.count(i) != 0; });
    const bool passes_on = layer.kind == LayerKind::kFlatten || layer.kind == LayerKind::kRelu;
    const bool has_pixels = layer.in.height * layer.in.width > 1;
    if ((flattened && passes_on) || (layer.kind == LayerKind::kFlatten && has_pixels)) {
      flattened_.insert(static_cast<int>(network_.layers.size()));
    }
    if (!flattened || passes_on || layer.kind == LayerKind::kFullyConnected) return true;
    fail(layer.place, "a flattened input",
         "after a flatten a fully_connected layer, with relu between them at most");
    return false;
  }

  bool infer_window(Layer& layer, const Json& json) {
    const std::int64_t room_h = layer.in.height + 2 * layer.pad_h - layer.kernel_h;
    const std::int64_t room_w = layer.in.width + 2 * layer.pad_w - layer.kernel_w;
    if (room_h < 0 || room_w < 0) {
      fail(layer.place + "/kernel", text(json.at("kernel")),
           "at most the padded input, " + std::to_string(layer.in.height + 2 * layer.pad_h) + "x" +
               std::to_string(layer.in.width + 2 * layer.pad_w));
      return false;
    }
    layer.out.height = room_h / layer.stride_h + 1;
    layer.out.width = room_w / layer.stride_w + 1;
    return true;
  }

  bool infer_channels(Layer& layer, const Json& json) {
    const Json& value = json.at("channels");
    layer.out.channels = value.get<std::int64_t>();
    if (layer.out.channels < 1) {
      fail(layer.place + "/channels", text(value), "an integer, at least 1");
      return false;
    }
    if (layer.groups < 1) return false;
    bool good = true;
    if (layer.out.channels % layer.groups != 0) {
      fail(layer.place + "/channels", text(value),
           "a multiple of groups (" + std::to_string(layer.groups) + ")");
      good = false;
    }
    if (layer.in.channels % layer.groups != 0) {
      fail(layer.place + "/groups", text(json.at("groups")),
           "a divisor of the input's " + std::to_string(layer.in.channels) + " channels");
      good = false;
    }
    const double weights = double(layer.out.channels) * double(layer.in.channels) / double(layer.groups) *
                           double(layer.kernel_h) * double(layer.kernel_w);
    if (weights >= double(kSizeLimit)) {
      fail(layer.place, std::to_string(weights) + " weights", "fewer than 2^31");
      good = false;
    }
    return good;
  }

  bool check_add(const Layer& layer) {
    const Shape& other = shape_of(layer.inputs[1]);
    if (other == layer.in) return true;
    fail(layer.place + "/inputs", text(layer.in) + " and " + text(other), "two inputs of one shape");
    return false;
  }

  bool check_loss(Layer& layer) {
    if (layer.in.height != 1 || layer.in.width != 1) {
      fail(layer.place, "an input of " + text(layer.in),
           "one number a class: a fully_connected layer before the loss");
    } else if (layer.in.channels < 2) {
      fail(layer.place, "an input of one class", "at least two classes");
    }
    return true;
  }

  // The loss stands once, last; every other output is used; something can be trained.
  void check_whole() {
    std::set<int> used;
    bool weights = false;
    const std::size_t last = network_.layers.size() - 1;
    for (std::size_t i = 0; i <= last; ++i) {
      const Layer& layer = network_.layers[i];
      used.insert(layer.inputs.begin(), layer.inputs.end());
      weights |= layer.kind == LayerKind::kConvolution || layer.kind == LayerKind::kFullyConnected;
      const bool loss = layer.kind == LayerKind::kSoftmaxCrossEntropy;
      if (loss && i != last)
        fail(layer.place + "/type", "a loss before the last layer", "the loss once, as the last layer");
      if (!loss && i == last)
        fail(layer.place + "/type", text(json_.at("layers").at(i).at("type")),
             "\"softmax_cross_entropy\": the last layer is the loss");
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

}  // namespace anzan::compiler
