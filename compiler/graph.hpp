// The training graph: every tensor with its slot, every operation of one training step in execution
// order. Made from a network by reverse-mode differentiation; lowering turns each operation into
// instructions and decides nothing about values.
#pragma once
#include <vector>

#include "compiler/compiler.hpp"

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
};
const char* name(OpKind kind);

enum class Stage { kForward, kBackward, kUpdate };

struct Op {
  OpKind kind = OpKind::kCopy;
  Stage stage = Stage::kForward;
  int layer = 0;                     // in Network::layers
  std::vector<int> inputs, outputs;  // numbers of tensors
  bool relu = false;
  bool bias = false;  // update of a bias: the multipliers of biases
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
};

// The slot of integers that are not data of the network (one-hot labels, pooling indices, ones): binary
// point 0, never analysed.
inline constexpr int kConstantSlot = 0;

Graph differentiate(const Network& network, const Precision& precision, const TrainingParameters& training,
                    const ChipParameters& chip, const SystemParameters& system = {});

}  // namespace anzan::compiler
