// Whether two parameters come from one constant. Such a weight would have to be trained as one, which layers
// of a network are not.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "compiler/onnx/value.hpp"

namespace anzan::compiler::onnx {

// Remembers through folding which constants a constant is made of. Some exporters write initial values that
// are equal only once, all biases of zeros for instance: that is no sharing, as far as it can be told apart.
class Sharing {
 public:
  struct Other {
    std::string constant;
    const Node* node;  // whose layer it is a parameter of
  };

  // How the model's exporter has written equal values.
  void look_at(const Model& model);
  // `node` has made a constant of its inputs.
  void add(const Node& node, const std::vector<const Value*>& inputs, const Tensor& made);
  // The constant of this name becomes a parameter of the layer of `node`. The other one that it is shared
  // with, if any.
  std::optional<Other> train(const std::string& name, const Tensor& values, const Node& node);

 private:
  bool equal_apart_ = false;       // equal values have names of their own
  bool repeats_by_nodes_ = false;  // where they have not, an Identity gives them one
  std::map<std::string, std::vector<std::string>> made_of_;
  std::map<std::string, const Node*> trained_by_;
};

}  // namespace anzan::compiler::onnx
