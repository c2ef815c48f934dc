// The backward half of a training graph: gradients from the loss back, and the update of each parameter.
#pragma once
#include <map>
#include <vector>

#include "compiler/graph/graph_builder.hpp"
#include "compiler/graph/shared_channels.hpp"

namespace anzan::compiler {

class Backward {
 public:
  Backward(GraphBuilder& builder, SharedChannels& sharing) : b_(builder), sharing_(sharing) {}

  // Goes back over the operations that are there.
  void run();

  GraphBuilder& builder() { return b_; }

  // For the operators; `op` is the forward operation whose gradient is asked for.
  // A share of the gradient of `input`, written by an operation `kind` that reads `sources`; nothing where
  // that gradient is not needed. Of several inputs side by side, the operation reads from `first_channel` on.
  void propagate(OpKind kind, const Op& op, int input, const std::vector<int>& sources,
                 std::int64_t first_channel = 0);
  // The same for an operation whose outputs may be shared out while its input is not: each core then writes
  // its part of a sum.
  void propagate_from_shares(OpKind kind, const Op& op, int input, const std::vector<int>& sources);
  Shape shape_of(int t) const { return b_.shape_of(t); }
  // The gradients of the layer's parameters, written by an operation `kind` that reads `sources`; the sum
  // over all cores, and the update.
  void train(OpKind kind, const Op& op, const std::vector<int>& sources);
  // The loss operation writes the gradient of its input itself.
  void start(const Op& loss);

 private:
  struct Shares {
    int count = 0, sum = -1;
  };

  void go_back(const Op& op);
  void add_norm();
  void gather_gradient(const Op& op, int dy);
  int consumers(int t) const;
  bool has_pooled_relu(int t) const;
  bool pools_relu(const Op& pool) const;
  int open_share(int t);
  void close_share(int t, int share, int layer);

  GraphBuilder& b_;
  SharedChannels& sharing_;
  std::map<int, Shares> shares_;         // by tensor
  std::vector<Op> exchanges_, updates_;  // that wait for the last gradient
};

}  // namespace anzan::compiler
