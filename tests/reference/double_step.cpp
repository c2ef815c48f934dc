// Tensors by name, in and out.
#include "tests/reference/double_step.hpp"

#include <stdexcept>

namespace anzan::reference {

using compiler::Layer;

Bounded DoubleState::given(const std::string& name, Index rows, Index columns) const {
  const auto found = tensors.find(name);
  if (found == tensors.end()) throw std::invalid_argument("reference: tensor " + name + " is missing");
  if (static_cast<Index>(found->second.size()) != rows * columns)
    throw std::invalid_argument("reference: wrong size of tensor " + name);
  return Bounded::exact(Array(rows, columns, found->second));
}

void DoubleState::record(const std::string& name, const Bounded& x) {
  step.tensors.insert_or_assign(name, Values{x.value.elements(), x.deviation.elements(), x.shift.elements()});
}

void DoubleState::train(const Layer& l, bool is_bias, const Bounded& g) {
  record(l.name + (is_bias ? ".bias_gradient" : ".weight_gradient"), g);
  parameter_gradients.push_back({&l, is_bias, g});
}

}  // namespace anzan::reference
