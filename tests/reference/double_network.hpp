// One training step of any network in double precision, as a textbook writes it: matrix products
// over im2col, no tiling, no shared code with the compiler, the models or the integer reference.
//
// Every value carries a bound on how far a correct FP32 implementation can be from it (values.hpp),
// carried from layer to layer. Where the bounds leave a decision open, the gradient's bound at every
// candidate grows by the whole gradient that could go there or be missing, and `ambiguous` counts the
// place, so that a test can insist that such places are few, or none.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "compiler/input/network.hpp"
#include "compiler/input/parameters.hpp"
#include "tests/reference/values.hpp"

namespace anzan::reference {

// SGD as Caffe's: t = g + weight_decay * decay multiplier * w; v = momentum * v + rate * multiplier * t;
// w = w - v. Nesterov: w = w - momentum * v - rate * multiplier * t, by the new v.
// Adam and AdamW as Kingma and Ba, Loshchilov and Hutter have them, in step t = 1, 2, ...
struct DoubleSettings {
  std::int64_t batch = 1;
  double learning_rate = 0.01, momentum = 0.9, weight_decay = 5e-4;
  bool nesterov = false;
  compiler::OptimizerKind optimizer = compiler::OptimizerKind::kSgd;
  double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, t = 1;
  double clip_norm = 0;  // of all gradients together; 0: none
  // Deviation (relative) of exp, log and the division of the loss layer, beyond what its input has.
  double softmax_deviation = 0x1p-22;
};

// Tensors by name. Input of a step: "data" (already scaled), "<layer>.weight", "<layer>.bias",
// "<layer>.momentum", "<layer>.bias_momentum" and likewise other moments (missing ones are zero),
// "<layer>.mask" (the factors of a dropout), "<layer>.running_mean" and "<layer>.running_variance" (which may
// be missing), all exact.
using DoubleTensors = std::map<std::string, std::vector<double>>;

struct DoubleStep {
  // For every layer but the loss: "<layer>.activation", "<layer>.activation_gradient" (gradient with
  // respect to that layer's own output); "data_gradient"; for every parameter "<layer>.weight_gradient",
  // and after the update "<layer>.weight", "<layer>.momentum"; "<layer>.bias..." like "<layer>.weight...".
  // After the step "<layer>.running_mean", "<layer>.running_variance". "loss": one value a pixel of the
  // logits.
  std::map<std::string, Values> tensors;
  double mean_loss = 0;
  std::vector<int> predictions;  // first largest logit of each pixel
  std::vector<int> decisions;  // sign of every ReLU, tap of every maximum: equal decisions, same smooth piece
  std::int64_t ambiguous = 0;  // decisions that the error bounds leave open
  const Values& at(const std::string& name) const;
};

// labels: a class for each pixel of the logits, image by image. Throws std::invalid_argument where a tensor
// is missing or has a wrong size.
DoubleStep double_training_step(const compiler::Network& network, const DoubleTensors& tensors,
                                const std::vector<int>& labels, const DoubleSettings& settings);

// Only forward: mean loss and decisions, for finite differences.
DoubleStep double_forward(const compiler::Network& network, const DoubleTensors& tensors,
                          const std::vector<int>& labels, const DoubleSettings& settings);

}  // namespace anzan::reference
