// Layers, and the table of their kinds: what each takes, and what the rest of the compiler wants to know of
// it. Whoever asks "does this layer have weights, a window, pixels?" asks the table; nobody compares kinds
// for it.
#pragma once
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <limits>
#include <string>
#include <vector>

#include "compiler/input/layer_shapes.hpp"

namespace anzan::compiler {

enum class LayerKind {
  kConvolution,
  kFullyConnected,
  kMaxPool,
  kAveragePool,
  kGlobalAveragePool,
  kBatchNorm,
  kRelu,
  kLeakyRelu,
  kClip,
  kHardSigmoid,
  kHardSwish,
  kSigmoid,
  kSwish,
  kTanh,
  kDropout,
  kLrn,
  kFlatten,
  kAdd,
  kMultiply,
  kConcat,
  kSoftmaxCrossEntropy,
  kMeanSquaredError,
};

// Initial weights. Xavier as Caffe's: uniform in ±sqrt(3 / fan_in); gaussian: mean 0, deviation `value`;
// uniform: in ±value; constant: value. msra: gaussian with deviation sqrt(2 / fan_in).
struct Filler {
  enum class Kind { kXavier, kMsra, kGaussian, kUniform, kConstant } kind = Kind::kXavier;
  double value = 0;
};

struct FillerTraits {
  Filler::Kind kind;
  const char* name;
  bool takes_value, of_either_sign;
};
inline constexpr FillerTraits kFillerKinds[] = {
    {Filler::Kind::kXavier, "xavier", false, false},    {Filler::Kind::kMsra, "msra", false, false},
    {Filler::Kind::kGaussian, "gaussian", true, false}, {Filler::Kind::kUniform, "uniform", true, false},
    {Filler::Kind::kConstant, "constant", true, true},
};
constexpr bool fillers_are_in_order() {
  std::size_t number = 0;
  for (const FillerTraits& row : kFillerKinds) {
    if (static_cast<std::size_t>(row.kind) != number++) return false;
  }
  return number == static_cast<std::size_t>(Filler::Kind::kConstant) + 1;
}
static_assert(fillers_are_in_order(), "one row a filler, in the order of the enum");

struct Shape {
  std::int64_t channels = 0, height = 0, width = 0;
  std::int64_t size() const { return channels * height * width; }
  bool operator==(const Shape& o) const {
    return channels == o.channels && height == o.height && width == o.width;
  }
};

// One axis of a sliding window: tap k of position p meets pixel p * stride + k * dilation - pad.
struct WindowAxis {
  std::int64_t kernel = 1, stride = 1, dilation = 1;
  std::int64_t pad = 0, pad_end = 0;  // pixels of zeros before the first pixel and after the last one
  std::int64_t extent() const { return (kernel - 1) * dilation + 1; }
  bool operator==(const WindowAxis& o) const {
    return kernel == o.kernel && stride == o.stride && dilation == o.dilation && pad == o.pad &&
           pad_end == o.pad_end;
  }
};

struct Layer {
  std::string name;
  LayerKind kind = LayerKind::kRelu;
  std::vector<int> inputs;  // numbers of earlier layers; -1 is the network's input
  Shape in, out;            // shape of inputs[0] and of the output
  // convolution, pooling (a fully connected layer is a convolution whose kernel is its whole input)
  WindowAxis y, x;
  std::int64_t groups = 1;
  // pooling: the last window may stick out of the padded input (not begin outside); an average is over all
  // taps within it, or only those that meet the input
  bool ceil_mode = false, count_include_pad = true;
  bool bias = false;
  Filler weight_filler, bias_filler{Filler::Kind::kConstant, 0};
  double negative_slope = 0.01;                                         // leaky ReLU
  std::int64_t size = 5;                                                // LRN: channels that are met
  double alpha = 1e-4, beta = 0.75, k = 1;                              // LRN
  double label_smoothing = 0;                                           // softmax cross-entropy
  double rate = 0.5;                                                    // dropout: share of zeros
  double least = 0, greatest = 6;                                       // clip
  double epsilon = 1e-5, average_momentum = 0.1;                        // batch normalisation
  double weight_lr = 1, bias_lr = 1, weight_decay = 1, bias_decay = 1;  // multipliers
  std::string place;  // JSON pointer of the layer, for errors found later
};

// What holds for a kind of layer. The keys that go with the first ones are in layer_keys.cpp.
enum LayerFact : unsigned {
  kTakesChannels = 1u << 0,
  kTakesWindow = 1u << 1,  // kernel, stride, padding
  kTakesGroups = 1u << 2,
  kHasWeights = 1u << 3,        // one or more for each output channel; and biases, if it wants
  kContracts = 1u << 4,         // sums products with weights over its input channels
  kNeedsAllChannels = 1u << 5,  // of its input, whoever computes it
  kFusesRelu = 1u << 6,         // the write-back of its result can apply a ReLU
  kIsView = 1u << 7,            // moves nothing: its output is its input's tensor
  kTakesFlattened = 1u << 8,    // does not care how the elements of an image lie
  kKeepsFlattened = 1u << 9,    // and leaves them so
  kIsLoss = 1u << 10,
  kTakesSlope = 1u << 11,
  kPools = 1u << 12,
  kAverages = 1u << 13,  // and can choose over what
  kTakesLimits = 1u << 14,
  kTakesRate = 1u << 15,
  kTakesSmoothing = 1u << 16,
  kMeetsChannels = 1u << 17,  // near its own
  kNormalises = 1u << 18,
};

struct InputCount {
  std::size_t least, most;
  constexpr InputCount(int count) : least(static_cast<std::size_t>(count)), most(least) {}
  constexpr InputCount(int fewest, std::size_t greatest) : InputCount(fewest) { most = greatest; }
};
constexpr InputCount at_least(int count) { return {count, std::numeric_limits<std::size_t>::max()}; }

struct LayerTraits {
  LayerKind kind;
  const char* name;  // as in the schema
  InputCount inputs;
  bool (*shape)(ShapeRule&);  // sets Layer::out
  unsigned facts;             // of LayerFact
};

inline constexpr LayerTraits kLayerKinds[] = {
    {LayerKind::kConvolution, "convolution", 1, convolution_shape,
     kTakesChannels | kTakesWindow | kTakesGroups | kHasWeights | kContracts | kNeedsAllChannels |
         kFusesRelu},
    {LayerKind::kFullyConnected, "fully_connected", 1, fully_connected_shape,
     kTakesChannels | kHasWeights | kContracts | kNeedsAllChannels | kFusesRelu | kTakesFlattened},
    {LayerKind::kMaxPool, "max_pool", 1, pool_shape, kTakesWindow | kPools},
    {LayerKind::kAveragePool, "average_pool", 1, pool_shape, kTakesWindow | kPools | kAverages},
    {LayerKind::kGlobalAveragePool, "global_average_pool", 1, global_shape, 0},
    {LayerKind::kBatchNorm, "batch_norm", 1, same_shape, kHasWeights | kFusesRelu | kNormalises},
    {LayerKind::kRelu, "relu", 1, same_shape, kTakesFlattened | kKeepsFlattened},
    {LayerKind::kLeakyRelu, "leaky_relu", 1, same_shape, kTakesSlope | kTakesFlattened | kKeepsFlattened},
    {LayerKind::kClip, "clip", 1, clip_shape, kTakesLimits | kTakesFlattened | kKeepsFlattened},
    {LayerKind::kHardSigmoid, "hard_sigmoid", 1, same_shape, kTakesFlattened | kKeepsFlattened},
    {LayerKind::kHardSwish, "hard_swish", 1, same_shape, kTakesFlattened | kKeepsFlattened},
    {LayerKind::kSigmoid, "sigmoid", 1, same_shape, kTakesFlattened | kKeepsFlattened},
    {LayerKind::kSwish, "swish", 1, same_shape, kTakesFlattened | kKeepsFlattened},
    {LayerKind::kTanh, "tanh", 1, same_shape, kTakesFlattened | kKeepsFlattened},
    {LayerKind::kDropout, "dropout", 1, same_shape, kTakesRate | kTakesFlattened | kKeepsFlattened},
    {LayerKind::kLrn, "lrn", 1, same_shape, kMeetsChannels | kNeedsAllChannels},
    {LayerKind::kFlatten, "flatten", 1, flat_shape, kIsView | kTakesFlattened | kKeepsFlattened},
    {LayerKind::kAdd, "add", at_least(2), sum_shape, kFusesRelu},
    {LayerKind::kMultiply, "multiply", 2, sum_shape, kFusesRelu},
    {LayerKind::kConcat, "concat", at_least(2), concat_shape, kNeedsAllChannels | kFusesRelu},
    {LayerKind::kSoftmaxCrossEntropy, "softmax_cross_entropy", 1, scores_shape,
     kNeedsAllChannels | kIsLoss | kTakesSmoothing},
    {LayerKind::kMeanSquaredError, "mean_squared_error", 1, scores_shape, kNeedsAllChannels | kIsLoss},
};

// Whether a table has one row a kind of layer, in their order.
template <class Row, std::size_t n>
constexpr bool one_row_a_layer_kind(const Row (&table)[n]) {
  for (std::size_t k = 0; k < n; ++k) {
    if (table[k].kind != static_cast<LayerKind>(k)) return false;
  }
  return n == static_cast<std::size_t>(LayerKind::kMeanSquaredError) + 1;  // which stands last
}
static_assert(one_row_a_layer_kind(kLayerKinds));

constexpr const LayerTraits& traits(LayerKind kind) { return kLayerKinds[static_cast<std::size_t>(kind)]; }
constexpr const char* name(LayerKind kind) { return traits(kind).name; }
constexpr bool has(LayerKind kind, LayerFact fact) { return (traits(kind).facts & fact) != 0; }
inline bool has(const Layer& layer, LayerFact fact) { return has(layer.kind, fact); }

// Weights that one output channel of a layer reads (its fan-in), and all weights of the layer; biases are not
// counted. Number: a layer that nobody has checked yet may have more than an integer holds.
template <class Number = std::int64_t>
Number weights_of_a_channel(const Layer& l) {
  if (!has(l, kHasWeights)) return 0;
  if (!has(l, kContracts)) return 1;
  return static_cast<Number>(l.in.channels) / static_cast<Number>(l.groups) *
         static_cast<Number>(l.y.kernel) * static_cast<Number>(l.x.kernel);
}
template <class Number = std::int64_t>
Number weight_count(const Layer& l) {
  return static_cast<Number>(l.out.channels) * weights_of_a_channel<Number>(l);
}

// As papers count: weights and biases; and the multiplications of one image forward in sums of products,
// those with the zeros of the padding included. Each of the two gradients takes as many.
inline std::int64_t parameter_count(const Layer& l) {
  return weight_count(l) + (has(l, kHasWeights) && l.bias ? l.out.channels : 0);
}
inline std::int64_t product_count(const Layer& l) {
  return has(l, kContracts) ? weight_count(l) * l.out.height * l.out.width : 0;
}

}  // namespace anzan::compiler
