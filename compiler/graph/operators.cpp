// The table of operators, and of each its meaning: forward and gradient side by side.
#include "compiler/graph/operators.hpp"

#include <string>

#include "compiler/input/input_error.hpp"

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
  const isa::Format index = l.y.kernel * l.x.kernel <= 127 ? isa::Format::kInt8 : isa::Format::kFp32;
  op.outputs = {f.builder().add_selection(l.name + ".activation", l.name, x, shape)};
  op.outputs.push_back(f.builder().add_constant_image(l.name + ".index", index, shape));
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

// No selection, so its output has a slot of its own. Back, the factor is 1 where x > 0, else the slope. x
// decides, as it did forward, and not the output, which would save keeping x: quantising may have made it
// zero.
void leaky_relu(Forward& f, const Layer& l, Op& op) {
  op.kind = OpKind::kLeakyRelu;
  op.outputs = {f.add_activation(l, op, f.builder().shape_of(op.inputs[0]))};
}
void leaky_relu_gradient(Backward& b, const Op& op, int dy) {
  const int x = op.inputs[0];
  b.propagate(OpKind::kLeakyReluBackward, op, x, {dy, x});
}

void add(Forward& f, const Layer&, Op& op) {
  op.kind = OpKind::kAdd;
  op.outputs = {f.add_output(op, f.builder().tensor(op.inputs[0]).shared_out)};
}
void add_gradient(Backward& b, const Op& op, int dy) {
  for (const int input : op.inputs) b.propagate(OpKind::kCopy, op, input, {dy});
}

void loss(Forward& f, const Layer& l, Op& op) {
  op.kind = OpKind::kLoss;
  Graph& g = f.builder().graph();
  const TensorInfo& logits = g.tensor(op.inputs[0]);
  if (logits.shape[2] * logits.shape[3] != 1)
    throw InputError(
        l.place,
        "logits of " + std::to_string(logits.shape[2]) + " x " + std::to_string(logits.shape[3]) + " pixels",
        "one pixel: end with fully_connected");
  op.inputs.push_back(g.label);
  g.loss = f.builder().add_image("loss", l.name, TensorClass::kLoss, {1, 1, 1});
  g.prediction = f.builder().add_constant_image("prediction", isa::Format::kFp32, {1, 1, 1});
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
    {LayerKind::kLeakyRelu, leaky_relu, leaky_relu_gradient},
    {LayerKind::kFlatten, nullptr, nullptr},
    {LayerKind::kAdd, add, add_gradient},
    {LayerKind::kSoftmaxCrossEntropy, loss, loss_gradient},
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
