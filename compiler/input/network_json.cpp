// The inverse of compiler/input/network.cpp.
#include "compiler/input/network_json.hpp"

namespace anzan::compiler {
namespace {

using Json = nlohmann::json;

const char* type_name(LayerKind kind) {
  switch (kind) {
    case LayerKind::kConvolution:
      return "convolution";
    case LayerKind::kFullyConnected:
      return "fully_connected";
    case LayerKind::kMaxPool:
      return "max_pool";
    case LayerKind::kAveragePool:
      return "average_pool";
    case LayerKind::kRelu:
      return "relu";
    case LayerKind::kFlatten:
      return "flatten";
    case LayerKind::kAdd:
      return "add";
    case LayerKind::kSoftmaxCrossEntropy:
      return "softmax_cross_entropy";
  }
  return "";
}

Json filler_json(const Filler& filler) {
  switch (filler.kind) {
    case Filler::Kind::kXavier:
      return {{"kind", "xavier"}};
    case Filler::Kind::kMsra:
      return {{"kind", "msra"}};
    case Filler::Kind::kGaussian:
      return {{"kind", "gaussian"}, {"value", filler.value}};
    case Filler::Kind::kUniform:
      return {{"kind", "uniform"}, {"value", filler.value}};
    case Filler::Kind::kConstant:
      break;
  }
  return {{"kind", "constant"}, {"value", filler.value}};
}

Json layer_json(const Layer& layer, const std::vector<Layer>& layers) {
  Json json{{"name", layer.name}, {"type", type_name(layer.kind)}, {"inputs", Json::array()}};
  for (const int input : layer.inputs) {
    json["inputs"].push_back(input < 0 ? "data" : layers[static_cast<std::size_t>(input)].name);
  }
  const bool convolution = layer.kind == LayerKind::kConvolution;
  const bool weights = convolution || layer.kind == LayerKind::kFullyConnected;
  if (convolution || layer.kind == LayerKind::kMaxPool || layer.kind == LayerKind::kAveragePool) {
    json["kernel"] = {layer.kernel_h, layer.kernel_w};
    json["stride"] = {layer.stride_h, layer.stride_w};
    json["padding"] = {layer.pad_h, layer.pad_w};
  }
  if (convolution) json["groups"] = layer.groups;
  if (!weights) return json;
  json["channels"] = layer.out.channels;
  json["bias"] = layer.bias;
  json["weight_filler"] = filler_json(layer.weight_filler);
  json["weight_lr"] = layer.weight_lr;
  json["weight_decay"] = layer.weight_decay;
  if (!layer.bias) return json;
  json["bias_filler"] = filler_json(layer.bias_filler);
  json["bias_lr"] = layer.bias_lr;
  json["bias_decay"] = layer.bias_decay;
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
  for (const Layer& layer : network.layers) json["layers"].push_back(layer_json(layer, network.layers));
  return json;
}

}  // namespace anzan::compiler
