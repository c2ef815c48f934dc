// Stochastic gradient descent of the double-precision step, with error bounds; see double_network.hpp.
#include <cmath>
#include <stdexcept>

#include "tests/reference/double_network.hpp"

namespace anzan::reference {
namespace {

// The given values, all exact; zero where nothing is given.
Values values_of(const DoubleTensors& given, const std::string& name, std::size_t size) {
  Values values(size);
  const auto found = given.find(name);
  if (found == given.end()) return values;
  if (found->second.size() != size) throw std::invalid_argument("reference: wrong size of tensor " + name);
  values.value = found->second;
  return values;
}

}  // namespace

void double_update(const compiler::Network& network, const DoubleTensors& given,
                   const DoubleSettings& settings, DoubleStep& step) {
  for (const compiler::Layer& l : network.layers) {
    for (const bool is_bias : {false, true}) {
      const std::string name = l.name + (is_bias ? ".bias" : ".weight");
      const std::string momentum = l.name + (is_bias ? ".bias_momentum" : ".momentum");
      if (step.tensors.count(name + "_gradient") == 0) continue;
      const Values& g = step.at(name + "_gradient");
      Values w = values_of(given, name, g.value.size()), v = values_of(given, momentum, g.value.size());
      const double decay = settings.weight_decay * (is_bias ? l.bias_decay : l.weight_decay);
      const double rate = settings.learning_rate * (is_bias ? l.bias_lr : l.weight_lr);
      for (std::size_t i = 0; i < w.value.size(); ++i) {
        const double decayed = decay * w.value[i], t = g.value[i] + decayed;
        const double t_deviation = std::hypot(g.deviation[i], kUnit * decayed, kUnit * t);
        const double scaled = rate * t, old = settings.momentum * v.value[i];
        const double scaled_deviation = std::hypot(rate * t_deviation, 2 * kUnit * scaled);
        v.value[i] = old + scaled;
        v.deviation[i] = std::hypot(scaled_deviation, kUnit * old, kUnit * v.value[i]) + kTiny;
        v.shift[i] = std::fabs(rate) * g.shift[i];
        w.value[i] -= v.value[i];
        w.deviation[i] = std::hypot(v.deviation[i], kUnit * w.value[i]) + kTiny;
        w.shift[i] = v.shift[i];
      }
      step.tensors.insert_or_assign(name, w);
      step.tensors.insert_or_assign(momentum, v);
    }
  }
}

}  // namespace anzan::reference
