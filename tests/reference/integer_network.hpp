// One training step as the chip must store it: every integer, bit of FP32 and statistics counter,
// predicted from this definition alone; no code is shared with compiler/ or models/.
//
// Tensors ([N][C][H][W] or [OC][IC/groups][KH][KW], row-major; the logical index is the random index):
//   data, <layer>.activation, <layer>.activation_gradient, <layer>.weight, .weight_gradient, .momentum,
//   .master_weight (only where the master copy is separate), .bias, .bias_gradient, .bias_momentum; of a
//   batch normalisation .running_mean and .running_variance, always FP32.
// A tensor has a TensorFormat, or, if it has none, it is the result of a pure selection and shares that of
// the tensor it selects from. What a step writes is read back at q_write.
//
// Layers
//   Flatten is a view. A fully connected layer is the convolution whose kernel is its input as stored,
//   before any flatten. A ReLU that alone (and directly) consumes a convolution, fully connected layer, batch
//   normalisation, add, multiply or concat is fused: the pair has one tensor, named after the ReLU.
//   Convolution: bias, then (ky, kx, ic), as contract() in contraction.hpp says; optional ReLU; quantised.
//   Operands of two formats: the narrower is widened exactly. Gathered, where it has one group and alone
//   reads data (through any flatten) of fewer than 4 channels: (ic, ky, kx) instead, and taps that meet
//   padding add their product with +0, here and in the gradient of the weights.
//   Max pool: the first largest tap in (ky, kx) order; selection.
//   Average pool: FP32 products with fl(1 / area), added in tap order from the first; quantised.
//   Add, multiply: FP32 sum (product) of the operands in their order, one pixel standing for all where an
//   operand has no more, optional ReLU; quantised. Concat: the channels of its
//   operands side by side, optional ReLU; quantised. Lone ReLU: selection.
//   Leaky ReLU, clip, sigmoid and other functions of one value: as curves.hpp says; quantised.
//   Dropout: +0 where the element's word of the slot of <layer>.mask, its top 24 bits times 2^-24, is below
//   fl(rate), else fl(x fl(1 / (1 - rate))); the same of dy for its gradient; quantised.
//   LRN: s = fma(sum of fl(x^2), fl(alpha / size), fl(k)), over (size - 1) / 2 channels before and size / 2
//   after, ascending, from the first on; y = x s^-beta, powers as curves.hpp says; quantised. Gradient: with
//   r = s^(-beta - 1) x, fma(-(x sum of fl(dy r)), fl(2 alpha beta / size), dy s^-beta), over the channels
//   whose s has x in it.
//   Batch normalisation, channel by channel, m = images times pixels, every operation rounded to FP32 once.
//   Sums
//     of x and of fl(x x): pieces of at most 32 pixels of an image are added up in order; the pieces of the
//     images l, l + lanes, ... of lane l, first by pixels, then by images; then the lanes. mean = sum
//     fl(1/m); variance = max(fma(-mean, mean, (sum of squares) fl(1/m)), 0); deviation^-1 by a first guess
//     from the bits and three Newton steps. scale = weight deviation^-1; shift = fma(-mean, scale, bias or
//     0); y = fma(x, scale, shift), optional ReLU; quantised. Without training, mean and variance are the
//     running averages as they stand.
// Loss: its stored results, the gradient of the logits, are given (set()); prediction() is the argmax.
// Gradients: a tensor with one consumer gets its gradient from it. With several, contribution k (k = 1:
//   the last consumer) is stored as <layer>.activation_gradient.<k>. They are added in that order, in FP32;
//   every sum is stored, as <layer>.activation_gradient.sum<k> after k of them, the last as the gradient.
//   The gradient of a tensor with fused ReLU is then masked in place where the stored output is not > 0.
//   Tensors upstream of every weight have no gradient.
//   Convolution: (ky, kx, oc) for data, (group of L images, oy, ox, image) for weights and bias.
//   Pooling: FP32 sum over the windows that see the element, ascending (ky, kx) of the tap: of dy if the
//     element was its maximum, else +0; or of fl(dy fl(1 / area)). No window: +0. Quantised.
//   Lone ReLU: dy where its output > 0, else +0. Functions of one value: as curves.hpp
//     says. Add: dy; multiply:
//     fl(dy times the other operand); where the operand has one pixel for all, their sum in the order of the
//     pixels, from the first on. Concat: the channels of dy that are the operand's. All quantised where the
//     target has a format.
//   Batch normalisation: s1, s2 the sums of dy and fl(dy x) in the same order; bias: s1; weight:
//     g = fma(-mean, s1, s2) deviation^-1; data: fma(dy, a, fma(x, b, c)), a = weight deviation^-1,
//     b = fl(fl(g fl(-1/m)) deviation^-1) a, c = fma(-b, mean, fl(s1 fl(-1/m)) a).
// Update, each operation rounded to FP32 once, λ' = fl(weight decay · multiplier), η' = fl(rate ·
// multiplier):
//   t1 = fma(w, λ', g), or g if λ' = 0; t2 = t1 η'; v' = fma(v, fl(momentum), t2); w' = w - v'. Nesterov:
//   u = fma(v', fl(momentum), t2); w' = w - u; u is counted as the tensor .update or .bias_update.
//   Adam and AdamW, t = step + 1: t1 of Adam, g of AdamW; m' = fma(m, fl(β1), t1 fl(1 - β1)); s' = fma(s,
//   fl(β2), (t1 t1) fl(1 - β2)); d = fma(s' r, fl(1 / √(1 - β2^t)), fl(ε)), r the inverse root of max(s',
//   2^-100), as for a batch normalisation; u = (m' d^-1) fl(rate · multiplier / (1 - β1^t)), d^-1 by a first
//   guess from the bits and three Newton steps; AdamW, where λ' is not 0: u' = fma(w, fl(rate · multiplier ·
//   λ), u); w' = w - u, u counted as Nesterov's. With a largest norm c, g is the stored gradient times k,
//   rounded. Squares of all stored gradients, layer by layer, weights before biases: within a tensor, lane by
//   lane, for each (group, block of lanes, ky, kx) the sum over the group's output channels in order, these
//   sums in that order after +0; sums of tensors in order, after +0; then the lanes in order. Lane and block
//   of a weight are its input channel, counted within its group from the multiple of 4 below the first,
//   modulo and divided by the number of lanes; of a gathered one its tap, all taps being one; of a vector its
//   channel likewise, each a sum of its own. k = min(fl(c) / root, 1) by the inverse root of max(sum,
//   2^-100). Each result is stored from FP32, none from another as stored: v := store(v'), w := store(w');
//   with a separate master copy w is that of the master, and weight := store(w') as well. Running averages r,
//   with the layer's momentum p: fma(r, fl(1 - p), value fl(p')), p' = p of the mean, p m / (m - 1) of the
//   variance (m = 1: p).
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "tests/reference/integer_state.hpp"

namespace anzan::reference {

class IntegerNetwork {
 public:
  using Formats = IntegerState::Formats;
  // A tensor that needs a format and has none is found when it is written: std::invalid_argument.
  IntegerNetwork(const compiler::Network& network, Formats formats, const StepSettings& settings);

  // Names of the tensors that must be set: data, parameters, momenta, masters.
  std::vector<std::string> inputs() const;
  // Name of the measured gradient of the logits, to be set before backward().
  std::string logit_gradient() const { return state_.graph.logit_gradient(); }
  // Name of the tensor that holds a layer's output (a fused or flattened layer: that of the pair).
  std::string activation(int layer) const { return state_.graph.activation(layer); }
  // Its name in the double reference: a gradient masked in place is that of the ReLU's input.
  std::string name_in_double(const std::string& name) const { return state_.graph.name_in_double(name); }

  // Stored elements, in logical order. Throws std::invalid_argument for a wrong name or size.
  void set(const std::string& name, std::vector<std::int32_t> stored);
  // Quantises FP32 values to the tensor's format at q_read, as the program `initialize` does.
  void set_values(const std::string& name, const std::vector<float>& values);

  void forward();
  void forward_without_training();  // by running averages
  void backward();                  // after forward() and set(logit_gradient())
  void update();                    // after backward()

  // What stands in the tensor now; throws std::invalid_argument if nothing does.
  const StoredTensor& tensor(const std::string& name) const;
  // All that hold something.
  const std::map<std::string, StoredTensor>& tensors() const { return state_.tensors; }
  // Counters of what this step wrote to the tensor's slot; zero if it wrote nothing.
  Statistics statistics(const std::string& name) const;
  // Of a max pool, for each element of its output: the element of its input that it is, the first of equals.
  const std::vector<std::int64_t>& chosen(const std::string& layer) const { return state_.chosen.at(layer); }
  // What each dropout multiplies the elements of its input with in this step, by "<layer>.mask".
  std::map<std::string, std::vector<double>> masks() const;
  // Class number of the first largest logit of each pixel, image by image.
  std::vector<int> prediction() const;

 private:
  using Node = IntegerState::Node;
  StoredTensor settable(const std::string& name) const;
  void contribute(const compiler::Layer& l, const StoredTensor& dy, int input, const std::string& name);
  void finish_gradient(const Node& node);
  void mask(const Node& node);

  IntegerState state_;
  std::map<std::string, std::size_t> contributions_;  // by tensor: gradients received so far
};

}  // namespace anzan::reference
