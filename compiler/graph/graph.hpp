// The training graph: every tensor with its slot, every operation of one training step in execution
// order. Made from a network by reverse-mode differentiation; lowering turns each operation into
// instructions and decides nothing about values.
#pragma once
#include <cstddef>
#include <vector>

#include "compiler/graph/tensors.hpp"
#include "compiler/input/input.hpp"

namespace anzan::compiler {

enum class OpKind {
  kConvolution,                // x, w [, b] -> y          (relu: fused)
  kConvolutionBackwardData,    // dy, w -> dx
  kConvolutionBackwardWeight,  // x, dy [, sums] -> dw [, db]
  kSumForWeights,            // x, dy [, sums] -> sums   (for the gradient of weights, of some of the images)
  kMaxPool,                  // x -> y, index
  kMaxPoolBackward,          // dy, index -> dx
  kAveragePool,              // x -> y
  kAveragePoolBackward,      // dy -> dx
  kBatchNorm,                // x, w [, b], running mean, variance -> y, sum of x, of x x   (relu: fused)
  kBatchNormSums,            // dy, x -> sum of dy, of dy x
  kBatchNormBackward,        // dy, x, w, the four sums -> dx
  kBatchNormBackwardWeight,  // the four sums -> dw [, db]
  kBatchNormAverages,        // sums of x, x x; running mean, variance -> the latter
  kRelu,                     // x -> y                   (a selection: shares the slot)
  kReluBackward,             // dy, y -> dx              (dx may be dy)
  kLeakyRelu,                // x -> y
  kLeakyReluBackward,        // dy, x -> dx
  kClip,                     // x -> y
  kClipBackward,             // dy, x -> dx
  kHardSigmoid,              // x -> y
  kHardSigmoidBackward,      // dy, x -> dx
  kHardSwish,                // x -> y
  kHardSwishBackward,        // dy, x -> dx
  kSigmoid,                  // x -> y
  kSigmoidBackward,          // dy, y -> dx
  kSwish,                    // x -> y
  kSwishBackward,            // dy, x -> dx
  kTanh,                     // x -> y
  kTanhBackward,             // dy, y -> dx
  kDropout,                  // x -> y                   (a copy where nothing is trained)
  kDropoutBackward,          // dy -> dx
  kLrn,                      // x -> y
  kLrnBackward,              // dy, x -> dx
  kAdd,                      // a, b, … -> y             (relu: fused)
  kSumOfPixels,              // dy -> da                 (where a has one pixel for all)
  kMultiply,                 // a, b -> y                (relu: fused)
  kMultiplyBackward,         // dy, b -> da
  kSumOfProducts,            // dy, b -> da              (where a has one pixel for all)
  kConcat,                   // a, b, … -> y             (relu: fused)
  kConcatBackward,           // dy -> da                 (its channels, from first_channel on)
  kCopy,                     // x -> y                   (requantised)
  kLoss,                     // logits, label -> loss, prediction, dlogits
  kExchange,                 // dw [, db] -> the same, summed over all cores
  kGradientNorm,             // all dw, db -> scale, at most 1
  kUpdate,                   // dw, w, moments [, master] [, scale] -> w, moments [, master]
  kGather,                   // shares of channels -> all of them, in every core of the tensor axis
  kReduceScatter,            // all channels -> this core's share of their sum over the tensor axis
  kSlice,                    // all channels -> this core's share of them
  kTransfer,                 // y -> the same in the stage `receiver`; stands last
};
struct OpName {
  OpKind kind;
  const char* name;  // for the dumps
};
inline constexpr OpName kOpNames[] = {
    {OpKind::kConvolution, "convolution"},
    {OpKind::kConvolutionBackwardData, "convolution_backward_data"},
    {OpKind::kConvolutionBackwardWeight, "convolution_backward_weight"},
    {OpKind::kSumForWeights, "sum_for_weights"},
    {OpKind::kMaxPool, "max_pool"},
    {OpKind::kMaxPoolBackward, "max_pool_backward"},
    {OpKind::kAveragePool, "average_pool"},
    {OpKind::kAveragePoolBackward, "average_pool_backward"},
    {OpKind::kBatchNorm, "batch_norm"},
    {OpKind::kBatchNormSums, "batch_norm_sums"},
    {OpKind::kBatchNormBackward, "batch_norm_backward"},
    {OpKind::kBatchNormBackwardWeight, "batch_norm_backward_weight"},
    {OpKind::kBatchNormAverages, "batch_norm_averages"},
    {OpKind::kRelu, "relu"},
    {OpKind::kReluBackward, "relu_backward"},
    {OpKind::kLeakyRelu, "leaky_relu"},
    {OpKind::kLeakyReluBackward, "leaky_relu_backward"},
    {OpKind::kClip, "clip"},
    {OpKind::kClipBackward, "clip_backward"},
    {OpKind::kHardSigmoid, "hard_sigmoid"},
    {OpKind::kHardSigmoidBackward, "hard_sigmoid_backward"},
    {OpKind::kHardSwish, "hard_swish"},
    {OpKind::kHardSwishBackward, "hard_swish_backward"},
    {OpKind::kSigmoid, "sigmoid"},
    {OpKind::kSigmoidBackward, "sigmoid_backward"},
    {OpKind::kSwish, "swish"},
    {OpKind::kSwishBackward, "swish_backward"},
    {OpKind::kTanh, "tanh"},
    {OpKind::kTanhBackward, "tanh_backward"},
    {OpKind::kDropout, "dropout"},
    {OpKind::kDropoutBackward, "dropout_backward"},
    {OpKind::kLrn, "lrn"},
    {OpKind::kLrnBackward, "lrn_backward"},
    {OpKind::kAdd, "add"},
    {OpKind::kSumOfPixels, "sum_of_pixels"},
    {OpKind::kMultiply, "multiply"},
    {OpKind::kMultiplyBackward, "multiply_backward"},
    {OpKind::kSumOfProducts, "sum_of_products"},
    {OpKind::kConcat, "concat"},
    {OpKind::kConcatBackward, "concat_backward"},
    {OpKind::kCopy, "copy"},
    {OpKind::kLoss, "loss"},
    {OpKind::kExchange, "exchange"},
    {OpKind::kGradientNorm, "gradient_norm"},
    {OpKind::kUpdate, "update"},
    {OpKind::kGather, "gather"},
    {OpKind::kReduceScatter, "reduce_scatter"},
    {OpKind::kSlice, "slice"},
    {OpKind::kTransfer, "transfer"},
};

// Whether a table has one row a kind of operation, in their order.
template <class Row, std::size_t n>
constexpr bool one_row_an_op_kind(const Row (&table)[n]) {
  for (std::size_t k = 0; k < n; ++k) {
    if (table[k].kind != static_cast<OpKind>(k)) return false;
  }
  return n == static_cast<std::size_t>(OpKind::kTransfer) + 1;
}
static_assert(one_row_an_op_kind(kOpNames), "one row a kind of operation, in their order");
constexpr const char* name(OpKind kind) { return kOpNames[static_cast<std::size_t>(kind)].name; }

enum class Phase { kForward, kBackward, kWeightGradient, kUpdate };

// The slot of integers that are not data of the network (one-hot labels, pooling indices, ones): binary
// point 0, never analysed.
inline constexpr int kConstantSlot = 0;

struct Op {
  OpKind kind = OpKind::kCopy;
  Phase phase = Phase::kForward;
  int layer = 0;                     // in Network::layers
  std::vector<int> inputs, outputs;  // numbers of tensors
  bool relu = false;
  bool again = false;                        // done before in this step, counted then
  bool bias = false;                         // update of a bias: the multipliers of biases
  int words = kConstantSlot;                 // slot of the random words that it draws, forward and backward
  std::int64_t first_channel = 0;            // of those that it reads
  int update_slot = 0;                       // counts updates, where it is not the momentum's
  std::int64_t first_group = 0, groups = 0;  // batch groups it works on; none: all
  int stage = 0, receiver = 0;               // stages of the pipeline
};

// Of one core: `training.batch` are its images. With several cores all exchanges come after the gradients,
// and after these the updates, those of the first layers first; so they do, on any number of cores, where a
// norm of all gradients stands between.
struct Graph {
  Network network;
  TrainingParameters training;
  ChipParameters chip;
  SystemParameters system;
  MemoryParameters memory;
  std::vector<TensorInfo> tensors;
  std::vector<SlotInfo> slots;
  std::vector<ParameterInfo> parameters;
  std::vector<Op> ops;
  int data = 0, label = 0, loss = 0, prediction = 0;  // tensors that the driver writes and reads
  bool divided = false;  // of a core that has a part of the network, or works on its images part by part

  const TensorInfo& tensor(int t) const { return tensors[static_cast<std::size_t>(t)]; }
  TensorInfo& tensor(int t) { return tensors[static_cast<std::size_t>(t)]; }
  const SlotInfo& slot(int s) const { return slots[static_cast<std::size_t>(s)]; }
  SlotInfo& slot(int s) { return slots[static_cast<std::size_t>(s)]; }
  const Layer& layer(int l) const { return network.layers[static_cast<std::size_t>(l)]; }
  const Layer& layer(const Op& op) const { return layer(op.layer); }
};

// What an update works on; -1: nothing.
struct UpdateTensors {
  int gradient = -1, value = -1, master = -1, scale = -1;  // scale: of the gradient
  std::vector<int> moments;
};
UpdateTensors update_tensors(const Graph& graph, const Op& update);

// Of the same layer's weights, all of it or what finishes it.
const Op& gradient_of_weights(const Graph& graph, const Op& sum);

// Slots with a binary point whose tensors the operation writes anew, and whose statistics it adds to
// (selections keep the point of their source, whose values have been counted; so does what is changed in
// its place).
std::vector<int> written_slots(const Graph& graph, const Op& op);

// Throws InputError where the precision needs more slots than the chip has, or the system wants channels to
// be shared that cannot be.
Graph differentiate(const Input& input);

}  // namespace anzan::compiler
