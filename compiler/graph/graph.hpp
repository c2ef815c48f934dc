// The training graph: every tensor with its slot, every operation of one training step in execution
// order. Made from a network by reverse-mode differentiation; lowering turns each operation into
// instructions and decides nothing about values.
#pragma once
#include <vector>

#include "compiler/graph/tensors.hpp"
#include "compiler/input/parameters.hpp"
#include "compiler/input/system.hpp"

namespace anzan::compiler {

enum class OpKind {
  kConvolution,                // x, w [, b] -> y          (relu: fused)
  kConvolutionBackwardData,    // dy, w -> dx
  kConvolutionBackwardWeight,  // x, dy -> dw [, db]
  kMaxPool,                    // x -> y, index
  kMaxPoolBackward,            // dy, index -> dx
  kAveragePool,                // x -> y
  kAveragePoolBackward,        // dy -> dx
  kRelu,                       // x -> y                   (a selection: shares the slot)
  kReluBackward,               // dy, y -> dx              (dx may be dy)
  kAdd,                        // a, b -> y                (relu: fused)
  kCopy,                       // x -> y                   (requantised)
  kLoss,                       // logits, label -> loss, prediction, dlogits
  kExchange,                   // dw [, db] -> the same, summed over all cores
  kUpdate,                     // dw, w, v [, master] -> w, v [, master]
  kGather,                     // shares of channels -> all of them, in every core of the tensor axis
  kReduceScatter,              // all channels -> this core's share of their sum over the tensor axis
  kSlice,                      // all channels -> this core's share of them
  kTransfer,                   // y -> the same in the stage `receiver`
};
const char* name(OpKind kind);

enum class Phase { kForward, kBackward, kUpdate };

struct Op {
  OpKind kind = OpKind::kCopy;
  Phase phase = Phase::kForward;
  int layer = 0;                     // in Network::layers
  std::vector<int> inputs, outputs;  // numbers of tensors
  bool relu = false;
  bool bias = false;                         // update of a bias: the multipliers of biases
  std::int64_t first_group = 0, groups = 0;  // batch groups it works on; none: all
  int stage = 0, receiver = 0;               // stages of the pipeline
};

// Of one core: `training.batch` are its images. With several cores all exchanges come after the gradients,
// and after these the updates, those of the first layers first.
struct Graph {
  Network network;
  TrainingParameters training;
  ChipParameters chip;
  SystemParameters system;
  std::vector<TensorInfo> tensors;
  std::vector<SlotInfo> slots;
  std::vector<ParameterInfo> parameters;
  std::vector<Op> ops;
  int data = 0, label = 0, loss = 0, prediction = 0;  // tensors that the driver writes and reads
  bool divided = false;  // of a core that has a part of the network, or works on its images part by part
};

// The slot of integers that are not data of the network (one-hot labels, pooling indices, ones): binary
// point 0, never analysed.
inline constexpr int kConstantSlot = 0;

Graph differentiate(const Network& network, const Precision& precision, const TrainingParameters& training,
                    const ChipParameters& chip, const SystemParameters& system = {});

}  // namespace anzan::compiler
