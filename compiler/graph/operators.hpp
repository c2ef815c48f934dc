// What each kind of layer does in a training graph: the operation that computes it, and those that compute
// its gradients.
#pragma once
#include "compiler/graph/backward.hpp"
#include "compiler/graph/forward.hpp"

namespace anzan::compiler {

struct Operator {
  LayerKind kind;
  // Sets the kind of the operation and its outputs, the layer's output first, and adds to its inputs what it
  // reads besides.
  void (*forward)(Forward&, const Layer&, Op&);
  // From the gradient `dy` of the operation's first output (a fused ReLU is already behind it) to those of
  // its inputs and parameters.
  void (*gradient)(Backward&, const Op&, int dy);
};
const Operator& operator_of(LayerKind kind);

}  // namespace anzan::compiler
