// The network front end: layers as the user wrote them, with shapes inferred and checked.
#pragma once
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace anzan::compiler {

enum class LayerKind {
  kConvolution,
  kFullyConnected,
  kMaxPool,
  kAveragePool,
  kRelu,
  kFlatten,
  kAdd,
  kSoftmaxCrossEntropy,
};

// Initial weights. Xavier as Caffe's: uniform in ±sqrt(3 / fan_in); gaussian: mean 0, deviation `value`;
// uniform: in ±value; constant: value. msra: gaussian with deviation sqrt(2 / fan_in).
struct Filler {
  enum class Kind { kXavier, kMsra, kGaussian, kUniform, kConstant } kind = Kind::kXavier;
  double value = 0;
};

struct Shape {
  std::int64_t channels = 0, height = 0, width = 0;
  std::int64_t size() const { return channels * height * width; }
  bool operator==(const Shape& o) const {
    return channels == o.channels && height == o.height && width == o.width;
  }
};

struct Layer {
  std::string name;
  LayerKind kind = LayerKind::kRelu;
  std::vector<int> inputs;  // numbers of earlier layers; -1 is the network's input
  Shape in, out;            // shape of inputs[0] and of the output
  // convolution, pooling (a fully connected layer is a convolution whose kernel is its whole input)
  std::int64_t kernel_h = 1, kernel_w = 1, stride_h = 1, stride_w = 1, pad_h = 0, pad_w = 0, groups = 1;
  bool bias = false;
  Filler weight_filler, bias_filler{Filler::Kind::kConstant, 0};
  double weight_lr = 1, bias_lr = 1, weight_decay = 1, bias_decay = 1;  // multipliers
  std::string place;  // JSON pointer of the layer, for errors found later
};

struct Network {
  std::string name;
  Shape input;
  double scale = 1, offset = 0;  // a raw sample x enters as x * scale + offset
  std::vector<Layer> layers;     // in an order in which inputs come first; the last is the loss
  std::int64_t classes() const { return layers.back().in.size(); }
};

// Reads and checks a network; `place` is put before every pointer. Throws InputError with all findings.
Network parse_network(const nlohmann::json& json, const std::string& place = "");

}  // namespace anzan::compiler
