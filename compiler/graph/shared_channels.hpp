// Which tensors of images are shared out: each core along the tensor axis has some of the channels. A layer
// with weights whose outputs are shared out needs all channels of its input, and its cores compute parts of
// the gradient of that input, which are then added up.
#pragma once
#include <map>
#include <set>
#include <string>
#include <vector>

#include "compiler/graph/graph_builder.hpp"

namespace anzan::compiler {

class SharedChannels {
 public:
  explicit SharedChannels(GraphBuilder& builder) : b_(builder) {}

  // Throw InputError where the configuration speaks of layers that are not there, and, when all has been
  // decided, where no layer is shared.
  void check_wishes() const;
  void check_sharing() const;

  int cores() const { return b_.graph().system.mapping.tensor.size; }
  // Whether each core computes its share of the outputs of a layer that reads x. Throws InputError where the
  // configuration wants it and channels do not divide.
  bool decide(int layer, int x);
  bool shares(int layer) const { return sharing_.count(layer) != 0; }  // what has been decided
  // Shape of a core's part.
  Shape part(Shape shape, bool shared) const;
  // Shape that a pooling layer makes of what a core has of x.
  Shape pooled(int x, const Layer& layer);
  // Marks the tensor, and its slot.
  void share(int t, bool shared);

  // A trainable tensor: stored value, gradient, what its optimiser keeps, a master copy where the precision
  // has one, and the slot that counts its updates.
  struct Parameter {
    int layer = 0;
    bool bias = false;
    int value = -1, gradient = -1, master = -1, update_slot = 0;
    std::vector<int> moments;
  };
  // Of the shape, layout and share of `like`; returns the stored value.
  int add_parameter(const TensorInfo& like, int layer, bool bias);
  // A layer's FP32 values, one for each channel of the image, that live from step to step.
  int add_average(const Layer& layer, const std::string& suffix, const TensorInfo& image, double initial);
  const std::vector<Parameter>& parameters() const { return parameters_; }

  // The tensor with all its channels: itself, or a new one that `layer` alone reads.
  int whole(int t, int layer, Phase phase);
  const std::map<int, int>& gathered_from() const { return gathered_from_; }  // of new ones, forward
  // This core's share of a tensor, of the same slot.
  int share_of(int t, const std::string& name);
  // Every core has a part of the sum that the tensor is to be: room for it in integers.
  void sums_differ(int t);

 private:
  void add_moments(const TensorInfo& like, Parameter& parameter);
  void add_initial(int value, const Filler& filler, std::int64_t fan_in, bool trained);

  GraphBuilder& b_;
  std::set<int> sharing_;  // layers
  std::vector<Parameter> parameters_;
  std::map<int, int> gathered_from_;
};

}  // namespace anzan::compiler
