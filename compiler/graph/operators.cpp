// The table of operators, and of each its meaning: forward and gradient side by side.
#include "compiler/graph/operators.hpp"

#include <string>

#include "compiler/graph/tap_numbers.hpp"

namespace anzan::compiler {
namespace {

// Convolution and fully connected.
void contract(Forward& f, const Layer& l, Op& op) {
  op.kind = OpKind::kConvolution;
  const bool shared = f.sharing().decide(op.layer, op.inputs[0]);
  f.add_parameters(l, op);
  op.outputs = {f.add_output(op, shared)};
}
void contract_gradient(Backward& b, const Op& op, int dy) {
  const int x = op.inputs[0], w = op.inputs[1];
  // the gradient of the input first: the layers before wait for it
  b.propagate_from_shares(OpKind::kConvolutionBackwardData, op, x, {dy, w});
  b.train(OpKind::kConvolutionBackwardWeight, op, {x, dy});
}

void max_pool(Forward& f, const Layer& l, Op& op) {
  op.kind = OpKind::kMaxPool;
  const int x = op.inputs[0];
  const Shape shape = f.sharing().pooled(x, l);
  const TapNumbers numbers = tap_numbers(l, shape.channels);
  op.outputs = {f.builder().add_selection(l.name + ".activation", l.name, x, shape)};
  op.outputs.push_back(f.builder().add_constant_image(
      l.name + ".index", numbers.format, {numbers.channels(shape.channels), shape.height, shape.width}));
}
void max_pool_gradient(Backward& b, const Op& op, int dy) {
  b.propagate(OpKind::kMaxPoolBackward, op, op.inputs[0], {dy, op.outputs[1]});
}

void average_pool(Forward& f, const Layer& l, Op& op) {
  op.kind = OpKind::kAveragePool;
  op.outputs = {f.add_activation(l, op, f.sharing().pooled(op.inputs[0], l))};
}
void average_pool_gradient(Backward& b, const Op& op, int dy) {
  b.propagate(OpKind::kAveragePoolBackward, op, op.inputs[0], {dy});
}

// Training normalises by sums over this step's images, inference by the averages that training leaves behind.
// Back, the input is read again; the normalised values are made of it.
void batch_norm(Forward& f, const Layer& l, Op& op) {
  op.kind = OpKind::kBatchNorm;
  const TensorInfo x = f.builder().tensor(op.inputs[0]);
  f.add_vector_parameters(l, op);
  op.inputs.push_back(f.sharing().add_average(l, ".running_mean", x, 0));
  op.inputs.push_back(f.sharing().add_average(l, ".running_variance", x, 1));
  op.outputs = {f.add_output(op, x.shared_out), f.builder().add_channel_vector(l, ".sum", x),
                f.builder().add_channel_vector(l, ".square_sum", x)};
}
void batch_norm_gradient(Backward& b, const Op& op, int dy) {
  GraphBuilder& builder = b.builder();
  const Layer& l = builder.graph().layer(op);
  const int x = op.inputs[0], sum = op.outputs[1], square_sum = op.outputs[2];
  const TensorInfo of = builder.tensor(x);
  const int gradient_sum = builder.add_channel_vector(l, ".gradient_sum", of),
            product_sum = builder.add_channel_vector(l, ".gradient_product_sum", of);
  const std::vector<int> sums{sum, square_sum, gradient_sum, product_sum};
  builder.push(OpKind::kBatchNormSums, Phase::kBackward, op.layer, {dy, x}, {gradient_sum, product_sum});
  b.propagate(OpKind::kBatchNormBackward, op, x,
              {dy, x, op.inputs[1], sum, square_sum, gradient_sum, product_sum});
  b.train(OpKind::kBatchNormBackwardWeight, op, sums);
  const std::vector<int> averages{op.inputs.end() - 2, op.inputs.end()};
  builder.push(OpKind::kBatchNormAverages, Phase::kUpdate, op.layer,
               {sum, square_sum, averages[0], averages[1]}, averages);
}

// One that no other layer's write-back applies.
void relu(Forward& f, const Layer& l, Op& op) {
  op.kind = OpKind::kRelu;
  const int x = op.inputs[0];
  op.outputs = {f.builder().add_selection(l.name + ".activation", l.name, x, f.builder().shape_of(x))};
}
void relu_gradient(Backward& b, const Op& op, int dy) {
  b.propagate(OpKind::kReluBackward, op, op.inputs[0], {dy, op.outputs[0]});
}

// A function of one value. No selection, so its output has a slot of its own.
template <OpKind kind>
void function(Forward& f, const Layer& l, Op& op) {
  op.kind = kind;
  op.outputs = {f.add_activation(l, op, f.builder().shape_of(op.inputs[0]))};
}
// Of leaky ReLU, clip and the hard functions: where x lies decides between slopes. x decides, as it did
// forward, and not the output, which would save keeping x: quantising may have moved it to the other side. Of
// swish: the output does not tell x. Nor that of LRN.
template <OpKind kind>
void gradient_from_input(Backward& b, const Op& op, int dy) {
  const int x = op.inputs[0];
  b.propagate(kind, op, x, {dy, x});
}
// Of sigmoid and tanh: a polynomial of the output, which is wrong by no more than the output's own rounding
// (the slopes 1 - 2 y and -2 y of y (1 - y) and 1 - y^2 are that flat). From x the whole function would be
// computed again, and x kept as well.
template <OpKind kind>
void gradient_from_output(Backward& b, const Op& op, int dy) {
  b.propagate(kind, op, op.inputs[0], {dy, op.outputs[0]});
}

// The mask is not kept: backward draws the same words again. They have a slot of their own, for those of the
// output's round what is left.
void dropout(Forward& f, const Layer& l, Op& op) {
  op.kind = OpKind::kDropout;
  op.outputs = {f.add_activation(l, op, f.builder().shape_of(op.inputs[0]))};
  op.words = f.builder().add_words(l.name + ".mask", op.outputs[0]);
}
void dropout_gradient(Backward& b, const Op& op, int dy) {
  b.propagate(OpKind::kDropoutBackward, op, op.inputs[0], {dy});
}

// An input may have one pixel for all of the output; the sum over these is its gradient.
bool has_all_pixels(const Backward& b, const Op& op, int input) {
  const Shape in = b.shape_of(input), out = b.shape_of(op.outputs[0]);
  return in.height * in.width == out.height * out.width;
}

void add(Forward& f, const Layer&, Op& op) {
  op.kind = OpKind::kAdd;
  op.outputs = {f.add_output(op, f.builder().tensor(op.inputs[0]).shared_out)};
}
void add_gradient(Backward& b, const Op& op, int dy) {
  for (const int input : op.inputs)
    b.propagate(has_all_pixels(b, op, input) ? OpKind::kCopy : OpKind::kSumOfPixels, op, input, {dy});
}

void multiply(Forward& f, const Layer&, Op& op) {
  op.kind = OpKind::kMultiply;
  op.outputs = {f.add_output(op, f.builder().tensor(op.inputs[0]).shared_out)};
}
void multiply_gradient(Backward& b, const Op& op, int dy) {
  for (const int number : {0, 1}) {
    const int input = op.inputs[static_cast<std::size_t>(number)],
              other = op.inputs[static_cast<std::size_t>(1 - number)];
    const OpKind kind = has_all_pixels(b, op, input) ? OpKind::kMultiplyBackward : OpKind::kSumOfProducts;
    b.propagate(kind, op, input, {dy, other});
  }
}

// Of all channels: the shares of cores would not stand side by side.
void concat(Forward& f, const Layer&, Op& op) {
  op.kind = OpKind::kConcat;
  op.outputs = {f.add_output(op, false)};
}
void concat_gradient(Backward& b, const Op& op, int dy) {
  std::int64_t first = 0;
  for (const int input : op.inputs) {
    b.propagate(OpKind::kConcatBackward, op, input, {dy}, first);
    first += b.shape_of(input).channels;
  }
}

void loss(Forward& f, const Layer& l, Op& op) {
  op.kind = OpKind::kLoss;
  Graph& g = f.builder().graph();
  const Shape of_pixels{1, l.in.height, l.in.width};
  op.inputs.push_back(g.label);
  g.loss = f.builder().add_image("loss", l.name, TensorClass::kLoss, of_pixels);
  g.prediction = f.builder().add_constant_image("prediction", isa::Format::kFp32, of_pixels);
  op.outputs = {g.loss, g.prediction};
}
void loss_gradient(Backward& b, const Op& op, int) { b.start(op); }

constexpr Operator kOperators[] = {
    {LayerKind::kConvolution, contract, contract_gradient},
    {LayerKind::kFullyConnected, contract, contract_gradient},
    {LayerKind::kMaxPool, max_pool, max_pool_gradient},
    {LayerKind::kAveragePool, average_pool, average_pool_gradient},
    {LayerKind::kGlobalAveragePool, average_pool, average_pool_gradient},
    {LayerKind::kBatchNorm, batch_norm, batch_norm_gradient},
    {LayerKind::kRelu, relu, relu_gradient},
    {LayerKind::kLeakyRelu, function<OpKind::kLeakyRelu>, gradient_from_input<OpKind::kLeakyReluBackward>},
    {LayerKind::kClip, function<OpKind::kClip>, gradient_from_input<OpKind::kClipBackward>},
    {LayerKind::kHardSigmoid, function<OpKind::kHardSigmoid>,
     gradient_from_input<OpKind::kHardSigmoidBackward>},
    {LayerKind::kHardSwish, function<OpKind::kHardSwish>, gradient_from_input<OpKind::kHardSwishBackward>},
    {LayerKind::kSigmoid, function<OpKind::kSigmoid>, gradient_from_output<OpKind::kSigmoidBackward>},
    {LayerKind::kSwish, function<OpKind::kSwish>, gradient_from_input<OpKind::kSwishBackward>},
    {LayerKind::kTanh, function<OpKind::kTanh>, gradient_from_output<OpKind::kTanhBackward>},
    {LayerKind::kDropout, dropout, dropout_gradient},
    {LayerKind::kLrn, function<OpKind::kLrn>, gradient_from_input<OpKind::kLrnBackward>},
    {LayerKind::kFlatten, nullptr, nullptr},
    {LayerKind::kAdd, add, add_gradient},
    {LayerKind::kMultiply, multiply, multiply_gradient},
    {LayerKind::kConcat, concat, concat_gradient},
    {LayerKind::kSoftmaxCrossEntropy, loss, loss_gradient},
    {LayerKind::kMeanSquaredError, loss, loss_gradient},
};
static_assert(one_row_a_layer_kind(kOperators), "one row a kind of layer, in their order");

constexpr bool all_but_views_are_complete() {
  for (const Operator& o : kOperators) {
    if (has(o.kind, kIsView) != (o.forward == nullptr) || has(o.kind, kIsView) != (o.gradient == nullptr))
      return false;
  }
  return true;
}
static_assert(all_but_views_are_complete(), "a layer that does something has an operation and a gradient");

}  // namespace

const Operator& operator_of(LayerKind kind) { return kOperators[static_cast<std::size_t>(kind)]; }

}  // namespace anzan::compiler
