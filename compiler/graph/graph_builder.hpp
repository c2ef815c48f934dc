// Adds tensors and slots to a graph under construction.
#pragma once
#include <string>
#include <vector>

#include "compiler/graph/graph.hpp"

namespace anzan::compiler {

class GraphBuilder {
 protected:
  // The graph starts with the slot of constants.
  GraphBuilder(const Network& network, const Precision& precision, const TrainingParameters& training,
               const ChipParameters& chip);

  const std::vector<Layer>& layers() const { return graph_.network.layers; }
  TensorInfo& tensor(int t) { return graph_.tensors[static_cast<std::size_t>(t)]; }
  Shape shape_of(int t);

  void push(OpKind kind, Phase phase, int layer, std::vector<int> inputs, std::vector<int> outputs);
  int add_slot(const std::string& name, TensorClass kind, const std::string& layer);
  int add_tensor(TensorInfo t);
  TensorInfo image(const std::string& name, const std::string& layer, TensorClass kind, Shape s) const;
  // A tensor of images with a slot of its own.
  int add_image(const std::string& name, const std::string& layer, TensorClass kind, Shape s);
  // A tensor of images that selects from another: same slot, same format.
  int add_selection(const std::string& name, const std::string& layer, int source, Shape s);
  int add_constant_image(const std::string& name, isa::Format format, Shape s);
  // A tensor of the same shape and layout with a slot of its own.
  int add_like(const TensorInfo& like, const std::string& suffix, TensorClass kind, bool persistent);

  const Precision& precision_;
  Graph graph_;
};

}  // namespace anzan::compiler
