// Adds tensors, slots and operations to a graph under construction.
#pragma once
#include <string>
#include <vector>

#include "compiler/graph/graph.hpp"

namespace anzan::compiler {

class GraphBuilder {
 public:
  // The graph starts with the slot of constants. The input must outlive the builder.
  explicit GraphBuilder(const Input& input);

  Graph& graph() { return graph_; }
  const Precision& precision() const { return input_.precision; }
  const std::vector<Layer>& layers() const { return graph_.network.layers; }
  TensorInfo& tensor(int t) { return graph_.tensor(t); }
  Shape shape_of(int t) const;

  void push(OpKind kind, Phase phase, int layer, std::vector<int> inputs, std::vector<int> outputs);
  // For the tensor `name` of a layer, which may share it with tensors of other layers.
  int add_slot(const std::string& name, TensorClass kind, const std::string& layer);
  // The same, where the settings are those of another layer.
  int add_slot(const std::string& name, TensorClass kind, const std::string& layer,
               const std::string& settings_of);
  // For FP32 values of a layer that are counted and not stored; shared where the layers' settings are alike.
  int add_counting_slot(const std::string& name, TensorClass kind, const std::string& layer);
  // Slots of several tensors say so in their names.
  void name_shared_slots();
  // A slot that stands for random words alone, one for each element of the tensor.
  int add_words(const std::string& name, int tensor);
  int add_tensor(TensorInfo t);
  TensorInfo image(const std::string& name, const std::string& layer, TensorClass kind, Shape s) const;
  // A tensor of images with a slot of its own.
  int add_image(const std::string& name, const std::string& layer, TensorClass kind, Shape s);
  // A tensor of images that selects from another: same slot, same format.
  int add_selection(const std::string& name, const std::string& layer, int source, Shape s);
  int add_constant_image(const std::string& name, isa::Format format, Shape s);
  // A layer's FP32 values, one for each channel of an image, without statistics.
  int add_channel_vector(const Layer& layer, const std::string& suffix, const TensorInfo& image);
  // A tensor of the same shape and layout with a slot of its own.
  int add_like(const TensorInfo& like, const std::string& suffix, TensorClass kind, bool persistent);

  // Whether a weight stands before the tensor, so that its gradient is wanted.
  bool needs_gradient(int t) const;
  void set_needs_gradient(int t, bool value);

 private:
  struct SharedSlot {
    int slot, tensors;
    std::string part;         // what the tensors are in their layers: "weight"
    std::string settings_of;  // a layer that has them
  };
  int add_slot(const SlotInfo& slot, const std::string& settings_of);
  SharedSlot* shared_slot(const std::string& part, const std::string& settings_of);

  const Input& input_;
  Graph graph_;
  std::vector<SharedSlot> shared_slots_;
  std::vector<bool> needs_gradient_;  // by tensor; the last ones may be missing
};

}  // namespace anzan::compiler
