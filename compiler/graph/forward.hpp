// The forward half of a training graph: layer after layer, each with its operation and the tensors it writes.
#pragma once
#include <string>
#include <vector>

#include "compiler/graph/graph_builder.hpp"
#include "compiler/graph/shared_channels.hpp"

namespace anzan::compiler {

class Forward {
 public:
  Forward(GraphBuilder& builder, SharedChannels& sharing) : b_(builder), sharing_(sharing) {}

  // Adds the input, the labels and all layers.
  void run();

  // For the operators. An operation under way has its layer and its inputs; `relu` says whether it applies
  // the ReLU that follows.
  GraphBuilder& builder() { return b_; }
  SharedChannels& sharing() { return sharing_; }
  // Adds the layer's weights, and biases if it has some, to the inputs.
  void add_parameters(const Layer& l, Op& op);
  // The same where there is one weight for each channel of the input.
  void add_vector_parameters(const Layer& l, Op& op);
  // A tensor of the layer's shape with a slot of its own, named after the ReLU where that is applied too;
  // `shared`: a core's share of it.
  int add_output(const Op& op, bool shared);
  // A tensor of this shape with a slot of its own; a core's share of it where the input is one.
  int add_activation(const Layer& l, const Op& op, Shape shape);

 private:
  void add_data();
  void add_layer(int i);
  int physical(int layer) const;
  int fused_relu(int layer) const;
  bool gathers(const Layer& l) const;
  int consumers_of_data() const;
  std::vector<int> operands(int layer);
  int gathered(int t, int layer);

  GraphBuilder& b_;
  SharedChannels& sharing_;
  std::vector<int> activation_;  // layer -> tensor; -1: not yet
};

}  // namespace anzan::compiler
