// The stored tensors of a network, their names, shapes and consumers: the part of IntegerNetwork that
// computes no numbers.
#include <algorithm>
#include <stdexcept>

#include "tests/reference/integer_network.hpp"

namespace anzan::reference {

using compiler::Layer;
using compiler::LayerKind;

namespace {

bool weighted(const Layer& l) {
  return l.kind == LayerKind::kConvolution || l.kind == LayerKind::kFullyConnected;
}
bool may_fuse(const Layer& l) { return weighted(l) || l.kind == LayerKind::kAdd; }
bool pointwise(const Layer& l) { return l.kind == LayerKind::kRelu || l.kind == LayerKind::kAdd; }

}  // namespace

IntegerNetwork::IntegerNetwork(const compiler::Network& network, Formats formats,
                               const StepSettings& settings)
    : network_(network),
      formats_(std::move(formats)),
      settings_(settings),
      writer_(settings.seed, settings.step) {
  if (network_.layers.empty() || network_.layers.back().kind != LayerKind::kSoftmaxCrossEntropy) {
    throw std::invalid_argument("reference: the last layer must be the loss");
  }
  build_graph();
}

void IntegerNetwork::build_graph() {
  Node data;
  data.name = "data";
  data.shape = network_.input;
  nodes_.push_back(data);
  for (std::size_t number = 0; number < network_.layers.size(); ++number) {
    const Layer& l = network_.layers[number];
    const std::size_t source = node_of(l.inputs.at(0));
    if (l.kind == LayerKind::kFlatten) {  // a view: no node of its own
      node_of_layer_.push_back(source);
      continue;
    }
    Node node;
    node.name = l.name;
    node.layer = static_cast<int>(number);
    node.shape = pointwise(l) ? nodes_[source].shape : l.out;
    node.needs_gradient = weighted(l);
    for (const int input : l.inputs) {
      nodes_[node_of(input)].consumers.push_back(node.layer);
      node.needs_gradient |= nodes_[node_of(input)].needs_gradient;
    }
    node_of_layer_.push_back(nodes_.size());
    nodes_.push_back(node);
  }
  for (std::size_t i = 1; i < nodes_.size(); ++i) {
    Node& node = nodes_[i];
    if (node.fused_relu || !may_fuse(layer(node.layer)) || node.consumers.size() != 1) continue;
    const int consumer = node.consumers[0];
    if (layer(consumer).kind != LayerKind::kRelu || layer(consumer).inputs.at(0) != node.layer) continue;
    const std::size_t relu = node_of(consumer);
    node.name = layer(consumer).name;
    node.fused_relu = true;
    node.consumers = nodes_[relu].consumers;
    std::replace(node_of_layer_.begin(), node_of_layer_.end(), relu, i);
  }
}

std::string IntegerNetwork::activation_name(const Node& node) const {
  return node.layer < 0 ? node.name : node.name + ".activation";
}

std::string IntegerNetwork::contribution_name(const Node& node, std::size_t k) const {
  return node.consumers.size() == 1 ? gradient_name(node) : gradient_name(node) + "." + std::to_string(k);
}

std::string IntegerNetwork::activation(int number) const { return activation_name(nodes_[node_of(number)]); }

std::string IntegerNetwork::name_in_double(const std::string& name) const {
  for (const Node& node : nodes_) {
    if (node.fused_relu && name == gradient_name(node))
      return layer(node.layer).name + ".activation_gradient";
  }
  return name;
}

std::string IntegerNetwork::logit_gradient() const {
  return contribution_name(nodes_[node_of(network_.layers.back().inputs.at(0))], 1);
}

std::array<std::int64_t, 4> IntegerNetwork::image_shape(const compiler::Shape& s) const {
  return {settings_.batch, s.channels, s.height, s.width};
}

Geometry IntegerNetwork::geometry(const Layer& l) const {
  const bool full = l.kind == LayerKind::kFullyConnected;
  const compiler::Shape in = full ? nodes_[node_of(l.inputs.at(0))].shape : l.in;
  Geometry g{settings_.batch, in.channels, in.height,  in.width,   l.out.channels, l.out.height, l.out.width,
             l.kernel_h,      l.kernel_w,  l.stride_h, l.stride_w, l.pad_h,        l.pad_w,      l.groups};
  if (full) {
    g.kernel_h = in.height;
    g.kernel_w = in.width;
  }
  g.gathered = gathers(l);
  return g;
}

// Few channels of data would leave words and lanes empty: taps fill them.
bool IntegerNetwork::gathers(const Layer& l) const {
  return weighted(l) && l.groups == 1 && node_of(l.inputs.at(0)) == 0 && nodes_[0].consumers.size() == 1 &&
         network_.input.channels < 4;
}

std::array<std::int64_t, 4> IntegerNetwork::parameter_shape(const Layer& l, bool bias) const {
  const Geometry g = geometry(l);
  if (bias) return {g.out_channels, 1, 1, 1};
  return {g.out_channels, g.in_group(), g.kernel_h, g.kernel_w};
}

// role: "", "gradient", "momentum" or "master".
std::string IntegerNetwork::parameter_name(const Layer& l, bool bias, const char* role) {
  const std::string what = role, kind = bias ? ".bias" : ".weight";
  if (what.empty()) return l.name + kind;
  if (what == "gradient" || bias) return l.name + kind + "_" + what;
  return l.name + (what == "master" ? ".master_weight" : "." + what);
}

std::vector<std::string> IntegerNetwork::inputs() const {
  std::vector<std::string> names{"data"};
  for (const Layer& l : network_.layers) {
    if (!weighted(l)) continue;
    for (const bool bias : {false, true}) {
      if (bias && !l.bias) continue;
      names.push_back(parameter_name(l, bias, ""));
      names.push_back(parameter_name(l, bias, "momentum"));
      const std::string master = parameter_name(l, bias, "master");
      if (formats_.count(master) != 0) names.push_back(master);
    }
  }
  return names;
}

// An input of the step, all zero at q_read; or the gradient of the logits, which the step writes.
StoredTensor IntegerNetwork::settable(const std::string& name) const {
  if (name == logit_gradient()) {
    return create(name, image_shape(nodes_[node_of(network_.layers.back().inputs.at(0))].shape));
  }
  const auto at_q_read = [&](const std::array<std::int64_t, 4>& shape) {
    StoredTensor tensor = create(name, shape);
    tensor.q = tensor.format.q_read;
    return tensor;
  };
  if (name == "data") return at_q_read(image_shape(network_.input));
  for (const Layer& l : network_.layers) {
    if (!weighted(l)) continue;
    for (const bool bias : {false, true}) {
      for (const char* role : {"", "momentum", "master"}) {
        if ((l.bias || !bias) && name == parameter_name(l, bias, role))
          return at_q_read(parameter_shape(l, bias));
      }
    }
  }
  throw std::invalid_argument("reference: " + name + " cannot be set");
}

void IntegerNetwork::set(const std::string& name, std::vector<std::int32_t> stored) {
  StoredTensor tensor = settable(name);
  if (stored.size() != tensor.stored.size())
    throw std::invalid_argument("reference: wrong size of tensor " + name);
  tensor.stored = std::move(stored);
  tensors_.insert_or_assign(name, std::move(tensor));
}

void IntegerNetwork::set_values(const std::string& name, const std::vector<float>& values) {
  StoredTensor tensor = settable(name);
  if (values.size() != tensor.stored.size())
    throw std::invalid_argument("reference: wrong size of tensor " + name);
  for (std::size_t i = 0; i < values.size(); ++i) {
    writer_.store(tensor, static_cast<std::int64_t>(i), values[i], nullptr);
  }
  tensors_.insert_or_assign(name, std::move(tensor));
}

StoredTensor IntegerNetwork::create(const std::string& name, const std::array<std::int64_t, 4>& shape) const {
  const auto format = formats_.find(name);
  if (format == formats_.end()) throw std::invalid_argument("reference: no format for tensor " + name);
  return Writer::make(format->second, shape);
}

const StoredTensor& IntegerNetwork::tensor(const std::string& name) const {
  const auto found = tensors_.find(name);
  if (found == tensors_.end()) throw std::invalid_argument("reference: tensor " + name + " holds nothing");
  return found->second;
}

Statistics IntegerNetwork::statistics(const std::string& name) const {
  const auto found = statistics_.find(name);
  return found == statistics_.end() ? Statistics() : found->second;
}

}  // namespace anzan::reference
