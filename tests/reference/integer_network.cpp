// Forward and backward, layer after layer, as the header defines them; what a layer does stands with its
// family.
#include "tests/reference/integer_network.hpp"

#include <stdexcept>
#include <utility>

#include "tests/reference/integer_functions.hpp"
#include "tests/reference/integer_joins.hpp"
#include "tests/reference/integer_norm.hpp"
#include "tests/reference/integer_update.hpp"
#include "tests/reference/integer_windows.hpp"

namespace anzan::reference {

using compiler::Layer;
using compiler::LayerKind;

IntegerNetwork::IntegerNetwork(const compiler::Network& network, Formats formats,
                               const StepSettings& settings)
    : state_(network, std::move(formats), settings) {}

std::vector<std::string> IntegerNetwork::inputs() const {
  std::vector<std::string> names;
  for (const IntegerGraph::Input& input : state_.graph.inputs()) {
    if (!input.may_be_missing || state_.formats.count(input.name) != 0) names.push_back(input.name);
  }
  return names;
}

// An input of the step, all zero at q_read; or the gradient of the logits, which the step writes.
StoredTensor IntegerNetwork::settable(const std::string& name) const {
  if (name == logit_gradient()) {
    return state_.create(name, state_.graph.image_shape(state_.graph.logits().shape));
  }
  for (const IntegerGraph::Input& input : state_.graph.inputs()) {
    if (name != input.name) continue;
    StoredTensor tensor = state_.create(name, input.shape);
    tensor.q = tensor.format.q_read;
    return tensor;
  }
  throw std::invalid_argument("reference: " + name + " cannot be set");
}

void IntegerNetwork::set(const std::string& name, std::vector<std::int32_t> stored) {
  StoredTensor tensor = settable(name);
  if (stored.size() != tensor.stored.size())
    throw std::invalid_argument("reference: wrong size of tensor " + name);
  tensor.stored = std::move(stored);
  state_.tensors.insert_or_assign(name, std::move(tensor));
}

void IntegerNetwork::set_values(const std::string& name, const std::vector<float>& values) {
  StoredTensor tensor = settable(name);
  if (values.size() != tensor.stored.size())
    throw std::invalid_argument("reference: wrong size of tensor " + name);
  for (std::size_t i = 0; i < values.size(); ++i) {
    state_.writer.store(tensor, static_cast<std::int64_t>(i), values[i], nullptr);
  }
  state_.tensors.insert_or_assign(name, std::move(tensor));
}

const StoredTensor& IntegerNetwork::tensor(const std::string& name) const { return state_.tensor(name); }

Statistics IntegerNetwork::statistics(const std::string& name) const {
  const auto found = state_.statistics.find(name);
  return found == state_.statistics.end() ? Statistics() : found->second;
}

void IntegerNetwork::forward() {
  state_.statistics.clear();
  for (std::size_t number = 0; number < state_.network().layers.size(); ++number) {
    const Layer& l = state_.network().layers[number];
    const Node& node = state_.graph.node(static_cast<int>(number));
    if (node.layer != static_cast<int>(number)) continue;  // a view, or a fused ReLU
    switch (l.kind) {
      case LayerKind::kConvolution:
      case LayerKind::kFullyConnected:
        weighted_forward(state_, l, node);
        break;
      case LayerKind::kMaxPool:
        max_pool_forward(state_, l, node);
        break;
      case LayerKind::kAveragePool:
      case LayerKind::kGlobalAveragePool:
        average_pool_forward(state_, l, node);
        break;
      case LayerKind::kAdd:
      case LayerKind::kMultiply:
        combine_forward(state_, l, node);
        break;
      case LayerKind::kLrn:
        lrn_forward(state_, l, node);
        break;
      case LayerKind::kDropout:
        dropout_forward(state_, l, node);
        break;
      case LayerKind::kConcat:
        concat_forward(state_, l, node);
        break;
      case LayerKind::kBatchNorm:
        batch_norm_forward(state_, l, node);
        break;
      case LayerKind::kRelu:
        relu_forward(state_, l, node);
        break;
      case LayerKind::kLeakyRelu:
      case LayerKind::kClip:
      case LayerKind::kHardSigmoid:
      case LayerKind::kHardSwish:
      case LayerKind::kSigmoid:
      case LayerKind::kSwish:
      case LayerKind::kTanh:
        curve_forward(state_, l, node);
        break;
      case LayerKind::kFlatten:
      case LayerKind::kSoftmaxCrossEntropy:
      case LayerKind::kMeanSquaredError:
        break;
    }
  }
}

void IntegerNetwork::forward_without_training() {
  state_.training = false;
  forward();
  state_.training = true;
}

std::map<std::string, std::vector<double>> IntegerNetwork::masks() const {
  std::map<std::string, std::vector<double>> all;
  for (const Layer& l : state_.network().layers) {
    if (l.kind == LayerKind::kDropout)
      all[l.name + ".mask"] = dropout_mask(state_, l, state_.settings.batch * l.out.size());
  }
  return all;
}

std::vector<int> IntegerNetwork::prediction() const {
  const std::vector<float> logits =
      state_.tensor(state_.graph.activation(state_.network().layers.back().inputs.at(0))).reals();
  const std::int64_t classes = state_.network().classes(), pixels = state_.network().labels_an_image();
  std::vector<int> result;
  for (std::int64_t n = 0; n < state_.settings.batch * pixels; ++n) {
    const std::int64_t first = n / pixels * classes * pixels + n % pixels;
    std::int64_t best = 0;
    for (std::int64_t c = 1; c < classes; ++c) {
      if (logits[at(first + c * pixels)] > logits[at(first + best * pixels)]) best = c;
    }
    result.push_back(static_cast<int>(best));
  }
  return result;
}

void IntegerNetwork::backward() {
  contributions_.clear();
  state_.tensor(logit_gradient());  // must have been set
  ++contributions_[state_.graph.logits().name];
  for (std::size_t back = 1; back < state_.network().layers.size(); ++back) {
    const std::size_t number = state_.network().layers.size() - 1 - back;
    const Layer& l = state_.network().layers[number];
    const Node& node = state_.graph.node(static_cast<int>(number));
    if (node.layer != static_cast<int>(number) || !node.needs_gradient) continue;
    finish_gradient(node);
    if (state_.graph.masks(node)) mask(node);
    const StoredTensor dy = state_.tensor(node.gradient());
    if (l.kind == LayerKind::kConvolution || l.kind == LayerKind::kFullyConnected)
      parameter_gradients(state_, l, dy);
    if (l.kind == LayerKind::kBatchNorm) batch_norm_gradients(state_, l, dy);
    for (const int input : l.inputs) {
      const Node& target = state_.graph.node(input);
      if (!target.needs_gradient) continue;
      const std::string name = target.contribution(++contributions_[target.name]);
      contribute(l, dy, input, name);
    }
  }
}

// What arrives at an input of the layer.
void IntegerNetwork::contribute(const Layer& l, const StoredTensor& dy, int input, const std::string& name) {
  const Node& target = state_.graph.node(input);
  switch (l.kind) {
    case LayerKind::kConvolution:
    case LayerKind::kFullyConnected:
      data_gradient(state_, l, dy, target, name);
      break;
    case LayerKind::kMaxPool:
      max_pool_backward(state_, l, dy, target, name);
      break;
    case LayerKind::kAveragePool:
    case LayerKind::kGlobalAveragePool:
      average_pool_backward(state_, l, dy, target, name);
      break;
    case LayerKind::kAdd:
    case LayerKind::kMultiply:
      combine_backward(state_, l, dy, input, name);
      break;
    case LayerKind::kRelu:
      relu_backward(state_, l, dy, name);
      break;
    case LayerKind::kLrn:
      lrn_backward(state_, l, dy, name);
      break;
    case LayerKind::kDropout:
      dropout_backward(state_, l, dy, name);
      break;
    case LayerKind::kConcat:
      concat_backward(state_, l, dy, target, name);
      break;
    case LayerKind::kBatchNorm:
      batch_norm_data_gradient(state_, l, dy, target, name);
      break;
    case LayerKind::kLeakyRelu:
    case LayerKind::kClip:
    case LayerKind::kHardSigmoid:
    case LayerKind::kHardSwish:
    case LayerKind::kSigmoid:
    case LayerKind::kSwish:
    case LayerKind::kTanh:
      curve_backward(state_, l, dy, name);
      break;
    case LayerKind::kFlatten:
    case LayerKind::kSoftmaxCrossEntropy:
    case LayerKind::kMeanSquaredError:
      break;
  }
}

// Adds the contributions, where there are several.
void IntegerNetwork::finish_gradient(const Node& node) {
  const std::size_t terms = node.consumers.size();
  if (terms == 1) return;
  if (contributions_[node.name] != terms)
    throw std::logic_error("reference: gradient of " + node.name + " incomplete");
  std::vector<float> sum = state_.tensor(node.contribution(1)).reals();
  for (std::size_t k = 2; k <= terms; ++k) {
    const std::vector<float> term = state_.tensor(node.contribution(k)).reals();
    const std::string name = node.gradient() + (k < terms ? ".sum" + std::to_string(k) : "");
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += term[i];
    state_.write_values(name, state_.graph.image_shape(node.shape), sum);
    sum = state_.tensor(name).reals();
  }
}

void IntegerNetwork::mask(const Node& node) {
  const StoredTensor& y = state_.tensor(node.activation());
  StoredTensor& gradient = state_.tensors.at(node.gradient());
  for (std::size_t i = 0; i < gradient.stored.size(); ++i) {
    if (!(y.real(static_cast<std::int64_t>(i)) > 0)) gradient.stored[i] = 0;
  }
}

void IntegerNetwork::update() { update_parameters(state_); }

}  // namespace anzan::reference
