// Names, shapes and consumers of stored tensors: see integer_graph.hpp.
#include "tests/reference/integer_graph.hpp"

#include <algorithm>
#include <stdexcept>

#include "tests/reference/curves.hpp"

namespace anzan::reference {

using compiler::Layer;
using compiler::LayerKind;

namespace {

bool weighted(const Layer& l) {
  return l.kind == LayerKind::kConvolution || l.kind == LayerKind::kFullyConnected;
}
bool is_loss(const Layer& l) {
  return l.kind == LayerKind::kSoftmaxCrossEntropy || l.kind == LayerKind::kMeanSquaredError;
}
bool trained(const Layer& l) { return weighted(l) || l.kind == LayerKind::kBatchNorm; }
bool may_fuse(const Layer& l) {
  return trained(l) || l.kind == LayerKind::kAdd || l.kind == LayerKind::kMultiply ||
         l.kind == LayerKind::kConcat;
}
bool pointwise(const Layer& l) {
  return l.kind == LayerKind::kRelu || l.kind == LayerKind::kDropout || l.kind == LayerKind::kLrn ||
         is_curve(l);
}

}  // namespace

IntegerGraph::IntegerGraph(const compiler::Network& network, std::int64_t batch)
    : network_(network), batch_(batch) {
  if (network_.layers.empty() || !is_loss(network_.layers.back())) {
    throw std::invalid_argument("reference: the last layer must be the loss");
  }
  add_nodes();
  fuse_relus();
}

void IntegerGraph::add_nodes() {
  Node data;
  data.name = "data";
  data.shape = network_.input;
  nodes_.push_back(data);
  for (std::size_t number = 0; number < network_.layers.size(); ++number) {
    const Layer& l = network_.layers[number];
    const std::size_t source = number_of(l.inputs.at(0));
    if (l.kind == LayerKind::kFlatten) {  // a view: no node of its own
      node_of_layer_.push_back(source);
      continue;
    }
    Node node;
    node.name = l.name;
    node.layer = static_cast<int>(number);
    node.shape = pointwise(l) ? nodes_[source].shape : l.out;
    node.needs_gradient = trained(l);
    for (const int input : l.inputs) {
      nodes_[number_of(input)].consumers.push_back(node.layer);
      node.needs_gradient |= nodes_[number_of(input)].needs_gradient;
    }
    node_of_layer_.push_back(nodes_.size());
    nodes_.push_back(node);
  }
}

void IntegerGraph::fuse_relus() {
  for (std::size_t i = 1; i < nodes_.size(); ++i) {
    Node& node = nodes_[i];
    if (node.fused_relu || !may_fuse(network_.layers[static_cast<std::size_t>(node.layer)]) ||
        node.consumers.size() != 1)
      continue;
    const int consumer = node.consumers[0];
    const Layer& next = network_.layers[static_cast<std::size_t>(consumer)];
    if (next.kind != LayerKind::kRelu || next.inputs.at(0) != node.layer) continue;
    const std::size_t relu = number_of(consumer);
    node.name = next.name;
    node.fused_relu = true;
    node.consumers = nodes_[relu].consumers;
    std::replace(node_of_layer_.begin(), node_of_layer_.end(), relu, i);
  }
}

// The max pool that alone reads a fused ReLU's output.
const IntegerGraph::Node* IntegerGraph::pool_of(const Node& node) const {
  if (!node.fused_relu || node.consumers.size() != 1) return nullptr;
  const Layer& reader = network_.layers[static_cast<std::size_t>(node.consumers[0])];
  return reader.kind == LayerKind::kMaxPool ? &this->node(node.consumers[0]) : nullptr;
}

bool IntegerGraph::masks(const Node& node) const {
  if (node.fused_relu) return pool_of(node) == nullptr;
  return std::any_of(nodes_.begin(), nodes_.end(), [&](const Node& n) { return pool_of(n) == &node; });
}

std::string IntegerGraph::name_in_double(const std::string& name) const {
  for (const Node& node : nodes_) {
    if (!node.fused_relu && name == node.gradient() && masks(node)) return "";
    if (node.fused_relu && name == node.gradient())
      return network_.layers[static_cast<std::size_t>(node.layer)].name + ".activation_gradient";
  }
  return name;
}

Geometry IntegerGraph::geometry(const Layer& l) const {
  const bool full = l.kind == LayerKind::kFullyConnected;
  const compiler::Shape in = full ? node(l.inputs.at(0)).shape : l.in;
  Geometry g{batch_,       in.channels, in.height,   in.width,           l.out.channels,
             l.out.height, l.out.width, l.y.kernel,  l.x.kernel,         l.y.stride,
             l.x.stride,   l.y.pad,     l.x.pad,     l.groups,           l.y.dilation,
             l.x.dilation, l.y.pad_end, l.x.pad_end, l.count_include_pad};
  if (full) {
    g.kernel_h = in.height;
    g.kernel_w = in.width;
  }
  g.gathered = gathers(l);
  return g;
}

// Few channels of data would leave words and lanes empty: taps fill them.
bool IntegerGraph::gathers(const Layer& l) const {
  return weighted(l) && l.groups == 1 && number_of(l.inputs.at(0)) == 0 && nodes_[0].consumers.size() == 1 &&
         network_.input.channels < 4;
}

IntegerGraph::TensorShape IntegerGraph::parameter_shape(const Layer& l, bool bias) const {
  const Geometry g = geometry(l);
  if (bias || l.kind == LayerKind::kBatchNorm) return {g.out_channels, 1, 1, 1};
  return {g.out_channels, g.in_group(), g.kernel_h, g.kernel_w};
}

std::string IntegerGraph::parameter_name(const Layer& l, bool bias, const char* role) {
  const std::string what = role, kind = bias ? ".bias" : ".weight";
  if (what.empty()) return l.name + kind;
  if (what == "gradient" || bias) return l.name + kind + "_" + what;
  return l.name + (what == "master" ? ".master_weight" : "." + what);
}

std::vector<IntegerGraph::Input> IntegerGraph::inputs() const {
  std::vector<Input> inputs{{"data", image_shape(network_.input), false}};
  for (const Layer& l : network_.layers) {
    if (!trained(l)) continue;
    if (l.kind == LayerKind::kBatchNorm) {
      for (const char* average : {".running_mean", ".running_variance"})
        inputs.push_back({l.name + average, parameter_shape(l, true), false});
    }
    for (const bool bias : {false, true}) {
      if (bias && !l.bias) continue;
      for (const std::string role : {"", "momentum", "first_moment", "second_moment", "master"})
        inputs.push_back({parameter_name(l, bias, role.c_str()), parameter_shape(l, bias), !role.empty()});
    }
  }
  return inputs;
}

}  // namespace anzan::reference
