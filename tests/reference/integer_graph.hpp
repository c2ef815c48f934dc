// The stored tensors of a network as IntegerNetwork defines them: names, shapes and consumers, no numbers.
#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "compiler/input/network.hpp"
#include "tests/reference/geometry.hpp"

namespace anzan::reference {

class IntegerGraph {
 public:
  using TensorShape = std::array<std::int64_t, 4>;
  // One stored activation: produced by `layer`, with a fused ReLU or not, read by `consumers` (ascending).
  struct Node {
    std::string name;  // without ".activation"
    int layer = -1;
    bool fused_relu = false;
    bool needs_gradient = false;
    compiler::Shape shape;
    std::vector<int> consumers;

    // Names of its tensors.
    std::string activation() const { return layer < 0 ? name : name + ".activation"; }
    std::string gradient() const { return name + ".activation_gradient"; }
    std::string contribution(std::size_t k) const {  // k from 1
      return consumers.size() == 1 ? gradient() : gradient() + "." + std::to_string(k);
    }
  };
  // What must be set before a step.
  struct Input {
    std::string name;
    TensorShape shape;
    bool may_be_missing;
  };

  IntegerGraph(const compiler::Network& network, std::int64_t batch);

  const compiler::Network& network() const { return network_; }
  // The node that holds a layer's output; of layer -1, the data.
  const Node& node(int layer) const { return nodes_[number_of(layer)]; }
  // As if every parameter had a master copy, and the moments of all optimisers.
  std::vector<Input> inputs() const;

  std::string activation(int layer) const { return node(layer).activation(); }
  const Node& logits() const { return node(network_.layers.back().inputs.at(0)); }
  std::string logit_gradient() const { return logits().contribution(1); }
  // Of the same tensor in the double reference; empty where that has none.
  std::string name_in_double(const std::string& name) const;
  // Whether the node's gradient is masked as its ReLU, or that of the input of a max pool that alone reads
  // it, was.
  bool masks(const Node& node) const;
  // role: "", "gradient", "master", "update", or the name of a moment.
  static std::string parameter_name(const compiler::Layer& l, bool bias, const char* role);

  Geometry geometry(const compiler::Layer& l) const;
  TensorShape image_shape(const compiler::Shape& s) const { return {batch_, s.channels, s.height, s.width}; }
  TensorShape parameter_shape(const compiler::Layer& l, bool bias) const;

 private:
  void add_nodes();
  void fuse_relus();
  bool gathers(const compiler::Layer& l) const;
  const Node* pool_of(const Node& node) const;
  std::size_t number_of(int layer) const {
    return layer < 0 ? 0 : node_of_layer_.at(static_cast<std::size_t>(layer));
  }

  compiler::Network network_;
  std::int64_t batch_;
  std::vector<Node> nodes_;  // 0 is the data
  std::vector<std::size_t> node_of_layer_;
};

}  // namespace anzan::reference
