// Names of tensor classes, and which precision holds for a tensor.
#include "compiler/input/precision.hpp"

namespace anzan::compiler {

const char* name(TensorClass kind) {
  static constexpr const char* kNames[] = {
      "activation", "weight", "activation_gradient", "weight_gradient", "momentum", "master_weight",
      "bias",       "loss",   "first_moment",        "second_moment",   "update"};
  return kNames[static_cast<int>(kind)];
}

const TensorPrecision& Precision::of(TensorClass kind, const std::string& layer) const {
  const auto it = layers.find(layer);
  if (it != layers.end()) {
    const auto found = it->second.find(kind);
    if (found != it->second.end()) return found->second;
  }
  return classes[static_cast<std::size_t>(kind)];
}

}  // namespace anzan::compiler
