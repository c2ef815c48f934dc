// What the layers of a step in double precision are given and leave behind. An activation has a row for every
// plane (image, channel) and a column for every pixel of it, weights a row for every output channel and a
// column for every (input channel of the group, ky, kx).
#pragma once
#include <map>
#include <string>
#include <vector>

#include "tests/reference/bounded_sums.hpp"
#include "tests/reference/double_network.hpp"

namespace anzan::reference {

inline Index pixels(const compiler::Shape& s) { return s.height * s.width; }

// What a max pool chose, by the taps of its windows: 1 or 0.
struct Choice {
  Array chosen;  // the first maximum
  Array open;    // whether FP32 may route to this tap or not, where that is open
};

struct DoubleState {
  struct Gradient {
    const compiler::Layer* layer;
    bool is_bias;
    Bounded value;
  };

  const compiler::Network& network;
  const DoubleTensors& tensors;
  const std::vector<int>& labels;
  DoubleSettings settings;
  DoubleStep step = {};
  Bounded data = {};
  std::vector<Bounded> outputs = {};           // of the layers
  std::map<std::string, Choice> choices = {};  // by max pool layer
  Bounded logit_gradient = {};
  std::vector<Gradient> parameter_gradients = {};

  Bounded given(const std::string& name, Index rows, Index columns) const;
  void record(const std::string& name, const Bounded& x);
  const Bounded& output(int layer) const {
    return layer < 0 ? data : outputs[static_cast<std::size_t>(layer)];
  }
  const Bounded& input(const compiler::Layer& l) const { return output(l.inputs.at(0)); }
  // Records the gradient of a parameter, for its update when all are there.
  void train(const compiler::Layer& l, bool is_bias, const Bounded& gradient);
};

}  // namespace anzan::reference
