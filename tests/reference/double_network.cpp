// Forward and backward, layer after layer; what a layer does stands with its family.
#include "tests/reference/double_network.hpp"

#include <stdexcept>

#include "tests/reference/double_functions.hpp"
#include "tests/reference/double_joins.hpp"
#include "tests/reference/double_loss.hpp"
#include "tests/reference/double_norm.hpp"
#include "tests/reference/double_update.hpp"
#include "tests/reference/double_windows.hpp"

namespace anzan::reference {

using compiler::Layer;
using compiler::LayerKind;

namespace {

bool is_loss(const Layer& l) {
  return l.kind == LayerKind::kSoftmaxCrossEntropy || l.kind == LayerKind::kMeanSquaredError;
}

DoubleState start(const compiler::Network& network, const DoubleTensors& tensors,
                  const std::vector<int>& labels, const DoubleSettings& settings) {
  if (network.layers.empty() || !is_loss(network.layers.back()))
    throw std::invalid_argument("reference: the last layer must be the loss");
  if (static_cast<std::size_t>(settings.batch * pixels(network.layers.back().in)) != labels.size())
    throw std::invalid_argument("reference: one label needed for each pixel of the logits");
  return {network, tensors, labels, settings};
}

void forward(DoubleState& s) {
  s.data = s.given("data", s.settings.batch * s.network.input.channels, pixels(s.network.input));
  for (const Layer& l : s.network.layers) {
    Bounded y;
    switch (l.kind) {
      case LayerKind::kConvolution:
      case LayerKind::kFullyConnected:
      case LayerKind::kAveragePool:
      case LayerKind::kGlobalAveragePool:
        y = contraction_forward(s, l);
        break;
      case LayerKind::kMaxPool:
        y = max_pool_forward(s, l);
        break;
      case LayerKind::kBatchNorm:
        y = batch_norm_forward(s, l);
        break;
      case LayerKind::kRelu:
        y = relu_forward(s, l);
        break;
      case LayerKind::kLeakyRelu:
      case LayerKind::kClip:
      case LayerKind::kHardSigmoid:
      case LayerKind::kHardSwish:
      case LayerKind::kSigmoid:
      case LayerKind::kSwish:
      case LayerKind::kTanh:
        y = curve_forward(s, l);
        break;
      case LayerKind::kFlatten:
        y = s.input(l).reshaped(s.settings.batch * l.out.channels);
        break;
      case LayerKind::kAdd:
        y = add_forward(s, l);
        break;
      case LayerKind::kLrn:
        y = lrn_forward(s, l);
        break;
      case LayerKind::kDropout:
        y = dropout_forward(s, l);
        break;
      case LayerKind::kMultiply:
        y = multiply_forward(s, l);
        break;
      case LayerKind::kConcat:
        y = concat_forward(s, l);
        break;
      case LayerKind::kSoftmaxCrossEntropy:
        cross_entropy(s, l);
        break;
      case LayerKind::kMeanSquaredError:
        squared_error(s, l);
        break;
    }
    s.outputs.push_back(y);
    if (!is_loss(l)) s.record(l.name + ".activation", y);
  }
}

// What arrives at an input of the layer.
void contribute(DoubleState& s, const Layer& l, int source, const Bounded& dy, BoundedSums& dx) {
  switch (l.kind) {
    case LayerKind::kConvolution:
    case LayerKind::kFullyConnected:
    case LayerKind::kAveragePool:
    case LayerKind::kGlobalAveragePool:
      contraction_backward(s, l, dy, dx);
      break;
    case LayerKind::kMaxPool:
      max_pool_backward(s, l, dy, dx);
      break;
    case LayerKind::kBatchNorm:
      batch_norm_backward(s, l, dy, dx);
      break;
    case LayerKind::kRelu:
      relu_backward(s, l, dy, dx);
      break;
    case LayerKind::kLeakyRelu:
    case LayerKind::kClip:
    case LayerKind::kHardSigmoid:
    case LayerKind::kHardSwish:
    case LayerKind::kSigmoid:
    case LayerKind::kSwish:
    case LayerKind::kTanh:
      curve_backward(s, l, dy, dx);
      break;
    case LayerKind::kConcat:
      concat_backward(s, l, source, dy, dx);
      break;
    case LayerKind::kLrn:
      lrn_backward(s, l, dy, dx);
      break;
    case LayerKind::kDropout:
      dropout_backward(s, l, dy, dx);
      break;
    case LayerKind::kAdd:
    case LayerKind::kMultiply:
      combine_backward(s, l, source, dy, dx);
      break;
    case LayerKind::kFlatten:
    case LayerKind::kSoftmaxCrossEntropy:
    case LayerKind::kMeanSquaredError: {
      const Bounded passed = dy.reshaped(dx.value.rows());
      dx.add(selected(passed, passed.present));
      break;
    }
  }
}

void backward(DoubleState& s) {
  const std::size_t layers = s.network.layers.size();
  std::vector<BoundedSums> gradients;  // of the output of each layer; the last is that of the data
  for (const Layer& l : s.network.layers)
    gradients.push_back(BoundedSums::zero(s.settings.batch * l.out.channels, pixels(l.out)));
  gradients.push_back(BoundedSums::zero(s.data.value.rows(), s.data.value.cols()));
  for (std::size_t number = layers; number-- > 0;) {
    const Layer& l = s.network.layers[number];
    const Bounded dy = is_loss(l) ? s.logit_gradient : gradients[number].finish();
    if (!is_loss(l)) s.record(l.name + ".activation_gradient", dy);
    for (const int source : l.inputs) {
      BoundedSums& dx = gradients[source < 0 ? layers : static_cast<std::size_t>(source)];
      contribute(s, l, source, dy, dx);
    }
  }
  s.record("data_gradient", gradients[layers].finish());
}

}  // namespace

const Values& DoubleStep::at(const std::string& name) const {
  const auto found = tensors.find(name);
  if (found == tensors.end()) throw std::invalid_argument("reference: no tensor " + name);
  return found->second;
}

DoubleStep double_forward(const compiler::Network& network, const DoubleTensors& tensors,
                          const std::vector<int>& labels, const DoubleSettings& settings) {
  DoubleState s = start(network, tensors, labels, settings);
  forward(s);
  return s.step;
}

DoubleStep double_training_step(const compiler::Network& network, const DoubleTensors& tensors,
                                const std::vector<int>& labels, const DoubleSettings& settings) {
  DoubleState s = start(network, tensors, labels, settings);
  forward(s);
  backward(s);
  update_parameters(s);
  return s.step;
}

}  // namespace anzan::reference
