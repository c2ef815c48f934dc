// One node a layer; where a layer takes images as lists of numbers and has them as pixels, a Flatten before
// it.
#include "compiler/onnx/export.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "compiler/input/network_json.hpp"
#include "compiler/onnx/node_import.hpp"

namespace anzan::compiler::onnx {
namespace {

using Json = nlohmann::json;
using Dims = std::vector<std::int64_t>;
using Kind = Attribute::Kind;

Attribute whole(const char* name, std::int64_t value) {
  Attribute a;
  a.name = name;
  a.kind = Kind::kInteger;
  a.integer = value;
  return a;
}

Attribute list(const char* name, Dims values) {
  Attribute a;
  a.name = name;
  a.kind = Kind::kIntegers;
  a.integers = std::move(values);
  return a;
}

Attribute real(const char* name, double value) {
  Attribute a;
  a.name = name;
  a.kind = Kind::kFloat;
  a.number = static_cast<float>(value);
  return a;
}

// A tensor of the graph: its name, and whether it has pixels, [N, C, H, W], or is a list, [N, F].
struct Images {
  std::string name;
  bool pixels = true;
};

class GraphExport {
 public:
  GraphExport(const Network& network, const ParameterValues& values) : network_(network), values_(values) {}

  Model write() {
    constexpr std::int64_t kOpset = 14;
    const Shape& in = network_.input;
    model_.opset = kOpset;
    model_.name = network_.name;
    model_.inputs.push_back({"data", true, true, {-1, in.channels, in.height, in.width}});
    for (const Layer& layer : network_.layers) write_layer(layer);
    model_.metadata[kMetadata] = metadata();
    return std::move(model_);
  }

 private:
  const Images& input(const Layer& layer, std::size_t k) const {
    const int number = layer.inputs.at(k);
    return number < 0 ? data_ : outputs_.at(static_cast<std::size_t>(number));
  }

  void add_node(const std::string& name, const char* type, std::vector<std::string> inputs,
                std::vector<Attribute> attributes) {
    model_.nodes.push_back({name, type, "", std::move(inputs), {name}, std::move(attributes)});
  }

  // The images as a list, by a node for `layer`.
  std::string flattened(const Images& images, const std::string& layer) {
    if (!images.pixels) return images.name;
    const std::string name = layer + ".flatten";
    add_node(name, "Flatten", {images.name}, {whole("axis", 1)});
    return name;
  }

  std::string parameter(const std::string& name, Dims dims) {
    Tensor t;
    t.name = name;
    t.dims = std::move(dims);
    t.floats = values_.at(name);
    model_.initializers.push_back(std::move(t));
    return name;
  }

  static std::vector<Attribute> window(const Layer& l) {
    return {list("kernel_shape", {l.y.kernel, l.x.kernel}), list("strides", {l.y.stride, l.x.stride}),
            list("dilations", {l.y.dilation, l.x.dilation}),
            list("pads", {l.y.pad, l.x.pad, l.y.pad_end, l.x.pad_end})};
  }

  void write_contraction(const Layer& l) {
    const bool convolves = l.kind == LayerKind::kConvolution;
    std::vector<std::string> inputs{convolves ? pixels_of(l) : flattened(input(l, 0), l.name)};
    Dims dims{l.out.channels, l.in.channels / l.groups, l.y.kernel, l.x.kernel};
    if (!convolves) dims = {l.out.channels, l.in.size()};
    inputs.push_back(parameter(l.name + ".weight", dims));
    if (l.bias) inputs.push_back(parameter(l.name + ".bias", {l.out.channels}));
    std::vector<Attribute> attributes{whole("transB", 1)};
    if (convolves) {
      attributes = window(l);
      attributes.push_back(whole("group", l.groups));
    }
    add_node(l.name, convolves ? "Conv" : "Gemm", inputs, attributes);
    outputs_.push_back({l.name, convolves});
  }

  void write_pool(const Layer& l, const char* type) {
    std::vector<Attribute> attributes = window(l);
    attributes.push_back(whole("ceil_mode", l.ceil_mode ? 1 : 0));
    if (has(l, kAverages)) {
      attributes.push_back(whole("count_include_pad", l.count_include_pad ? 1 : 0));
      // a version that knows of dilated averages is newer than most readers
      const auto dilations = attributes.begin() + 2;
      if (l.y.dilation == 1 && l.x.dilation == 1) attributes.erase(dilations);
    }
    write_of_pixels(l, type, attributes);
  }

  void write_norm(const Layer& l) {
    const Dims channels{l.out.channels};
    std::vector<std::string> inputs{input(l, 0).name, parameter(l.name + ".weight", channels)};
    if (l.bias) {
      inputs.push_back(parameter(l.name + ".bias", channels));
    } else {
      Tensor zeros{l.name + ".bias", channels, true, {}, {}, ""};
      zeros.floats.resize(static_cast<std::size_t>(l.out.channels));
      inputs.push_back(zeros.name);
      model_.initializers.push_back(std::move(zeros));
    }
    inputs.push_back(parameter(l.name + ".running_mean", channels));
    inputs.push_back(parameter(l.name + ".running_variance", channels));
    add_node(l.name, "BatchNormalization", inputs,
             {real("epsilon", l.epsilon), real("momentum", 1 - l.average_momentum)});
    outputs_.push_back({l.name, input(l, 0).pixels});
  }

  // Of one input, which has rows and columns.
  void write_of_pixels(const Layer& l, const char* type, std::vector<Attribute> attributes = {}) {
    add_node(l.name, type, {pixels_of(l)}, std::move(attributes));
    outputs_.push_back({l.name, true});
  }

  // Of one input, element by element or pixel by pixel.
  void write_plain(const Layer& l, const char* type, std::vector<Attribute> attributes = {}) {
    add_node(l.name, type, {input(l, 0).name}, std::move(attributes));
    outputs_.push_back({l.name, input(l, 0).pixels});
  }

  // A number, as an input of the layer's node.
  std::string number(const std::string& name, double value) {
    Tensor t;
    t.name = name;
    t.floats = {static_cast<float>(value)};
    model_.initializers.push_back(std::move(t));
    return name;
  }

  // A list of numbers as images of one pixel, by a node for `layer`.
  std::string with_pixels(const Images& images, const std::string& layer, std::int64_t channels) {
    if (images.pixels) return images.name;
    Tensor shape;
    shape.name = layer + ".shape";
    shape.dims = {4};
    shape.is_float = false;
    shape.integers = {0, channels, 1, 1};
    const std::string name = layer + ".reshape";
    add_node(name, "Reshape", {images.name, shape.name}, {});
    model_.initializers.push_back(std::move(shape));
    return name;
  }

  std::string pixels_of(const Layer& l) { return with_pixels(input(l, 0), l.name, l.in.channels); }

  // Of several inputs: all with pixels where the output has some, or else all lists.
  void write_together(const Layer& l, const char* type, std::vector<Attribute> attributes = {}) {
    bool pixels = true;
    for (std::size_t k = 0; k < l.inputs.size(); ++k) pixels = pixels && input(l, k).pixels;
    pixels = pixels || l.out.height * l.out.width > 1;
    std::vector<std::string> inputs;
    for (std::size_t k = 0; k < l.inputs.size(); ++k) {
      const std::string name = l.name + "." + std::to_string(k);
      const int from = l.inputs[k];
      const Shape& shape = from < 0 ? network_.input : network_.layers[static_cast<std::size_t>(from)].out;
      inputs.push_back(pixels ? with_pixels(input(l, k), name, shape.channels)
                              : flattened(input(l, k), name));
    }
    add_node(l.name, type, inputs, std::move(attributes));
    outputs_.push_back({l.name, pixels});
  }

  void write_swish(const Layer& l) {
    const Images in = input(l, 0);
    add_node(l.name + ".sigmoid", "Sigmoid", {in.name}, {});
    add_node(l.name, "Mul", {in.name, l.name + ".sigmoid"}, {});
    outputs_.push_back({l.name, in.pixels});
  }

  // One of its inputs, and numbers that newer versions take as inputs, too.
  void write_with(const Layer& l, const char* type, std::vector<std::string> numbers) {
    numbers.insert(numbers.begin(), input(l, 0).name);
    add_node(l.name, type, std::move(numbers), {});
    outputs_.push_back({l.name, input(l, 0).pixels});
  }

  void write_flatten(const Layer& l) {
    const Images in = input(l, 0);
    if (in.pixels) add_node(l.name, "Flatten", {in.name}, {whole("axis", 1)});
    outputs_.push_back({in.pixels ? l.name : in.name, false});
  }

  void write_layer(const Layer& l) {
    switch (l.kind) {
      case LayerKind::kConvolution:
      case LayerKind::kFullyConnected:
        return write_contraction(l);
      case LayerKind::kMaxPool:
        return write_pool(l, "MaxPool");
      case LayerKind::kAveragePool:
        return write_pool(l, "AveragePool");
      case LayerKind::kGlobalAveragePool:
        return write_of_pixels(l, "GlobalAveragePool");
      case LayerKind::kBatchNorm:
        return write_norm(l);
      case LayerKind::kRelu:
        return write_plain(l, "Relu");
      case LayerKind::kLeakyRelu:
        return write_plain(l, "LeakyRelu", {real("alpha", l.negative_slope)});
      case LayerKind::kFlatten:
        return write_flatten(l);
      case LayerKind::kClip:
        return write_with(l, "Clip", {number(l.name + ".min", l.least), number(l.name + ".max", l.greatest)});
      case LayerKind::kHardSigmoid:
        return write_plain(l, "HardSigmoid", {real("alpha", 1.0 / 6), real("beta", 0.5)});
      case LayerKind::kHardSwish:
        return write_plain(l, "HardSwish");
      case LayerKind::kSigmoid:
        return write_plain(l, "Sigmoid");
      case LayerKind::kSwish:
        return write_swish(l);
      case LayerKind::kTanh:
        return write_plain(l, "Tanh");
      case LayerKind::kDropout:
        return write_with(l, "Dropout", {number(l.name + ".rate", l.rate)});
      case LayerKind::kLrn:
        return write_of_pixels(
            l, "LRN",
            {whole("size", l.size), real("alpha", l.alpha), real("beta", l.beta), real("bias", l.k)});
      case LayerKind::kAdd:
        return write_together(l, l.inputs.size() == 2 ? "Add" : "Sum");
      case LayerKind::kMultiply:
        return write_together(l, "Mul");
      case LayerKind::kConcat:
        return write_together(l, "Concat", {whole("axis", 1)});
      case LayerKind::kSoftmaxCrossEntropy:
      case LayerKind::kMeanSquaredError:
        return write_logits(l);
    }
    throw std::logic_error("a layer without an operator");
  }

  // A list of classes; with pixels, where there are several.
  void write_logits(const Layer& loss) {
    const Shape& logits = loss.in;
    if (logits.height * logits.width > 1) {
      model_.outputs.push_back(
          {input(loss, 0).name, true, true, {-1, logits.channels, logits.height, logits.width}});
    } else {
      model_.outputs.push_back({flattened(input(loss, 0), loss.name), true, true, {-1, logits.size()}});
    }
  }

  std::string metadata() const {
    const Json json = network_to_json(network_);
    Json kept{{"input", Json::object()}, {"layers", Json::object()}};
    for (const char* key : kInputKeys) {
      if (json["input"].contains(key)) kept["input"][key] = json["input"][key];
    }
    const Json& loss = json["layers"].back();
    for (const char* key : kLossKeys) {
      if (loss.contains(key)) kept["loss"][key] = loss[key];
    }
    for (const Json& layer : json["layers"]) {
      Json& kept_of_layer = kept["layers"][layer["name"].get<std::string>()];
      for (const char* key : kMultipliers) {
        if (layer.contains(key) && layer[key] != 1) kept_of_layer[key] = layer[key];
      }
      for (const char* key : kRounded) {
        if (layer.contains(key) && as_read_back(key, layer[key]) != layer[key])
          kept_of_layer[key] = layer[key];
      }
      if (kept_of_layer.empty()) kept["layers"].erase(layer["name"].get<std::string>());
    }
    return kept.dump();
  }

  const Network& network_;
  const ParameterValues& values_;
  const Images data_{"data", true};
  std::vector<Images> outputs_;  // of the layers
  Model model_;
};

}  // namespace

double as_read_back(const std::string& key, double value) {
  if (key == "momentum") return share_of_new(shortest(static_cast<float>(1 - value)));
  return shortest(static_cast<float>(value));
}

Model export_model(const Network& network, const ParameterValues& values) {
  return GraphExport(network, values).write();
}

}  // namespace anzan::compiler::onnx
