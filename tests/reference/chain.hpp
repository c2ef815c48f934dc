// Networks that a test writes down layer by layer.
#pragma once
#include <string>
#include <vector>

#include "compiler/input/network.hpp"

namespace anzan::reference {

// Each layer reads the one before it, if nothing else is said; windows are 1 x 1 until they are set.
class Chain {
 public:
  explicit Chain(compiler::Shape input) { network.input = input; }
  compiler::Layer& add(const std::string& name, compiler::LayerKind kind, compiler::Shape out,
                       std::vector<int> inputs = {}) {
    compiler::Layer l;
    l.name = name;
    l.kind = kind;
    l.inputs = inputs.empty() ? std::vector<int>{static_cast<int>(network.layers.size()) - 1} : inputs;
    l.in = l.inputs[0] < 0 ? network.input : network.layers[static_cast<std::size_t>(l.inputs[0])].out;
    l.out = out;
    if (kind == compiler::LayerKind::kFullyConnected) {
      l.y.kernel = l.in.height;
      l.x.kernel = l.in.width;
    }
    network.layers.push_back(l);
    return network.layers.back();
  }
  compiler::Network network;
};

}  // namespace anzan::reference
