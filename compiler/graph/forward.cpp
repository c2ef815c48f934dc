// What all layers have in common forward: where their inputs come from, whether every core has all of them,
// and whether a ReLU is applied on the way out. What a layer does itself, operators.cpp says.
#include "compiler/graph/forward.hpp"

#include <algorithm>
#include <utility>

#include "compiler/graph/layout.hpp"
#include "compiler/graph/operators.hpp"

namespace anzan::compiler {

void Forward::run() {
  add_data();
  b_.graph().label = b_.add_constant_image("label", isa::Format::kInt8, b_.graph().network.logits());
  activation_.assign(b_.layers().size(), -1);
  for (std::size_t i = 0; i < b_.layers().size(); ++i) add_layer(static_cast<int>(i));
}

void Forward::add_data() {
  const Shape& input = b_.graph().network.input;
  TensorInfo t = b_.image("data", "data", TensorClass::kActivation, input);
  for (const Layer& l : b_.layers()) {
    if (gathers(l)) t.pitch = input.channels;
  }
  t.slot = b_.add_slot("data", TensorClass::kActivation, "data");
  t.format = b_.graph().slot(t.slot).format;
  b_.graph().data = b_.add_tensor(std::move(t));
}

void Forward::add_layer(int i) {
  const Layer& l = b_.graph().layer(i);
  int& y = activation_[static_cast<std::size_t>(i)];
  if (y >= 0 || has(l, kIsView)) return;  // fused before, or nothing to do
  Op op;
  op.layer = i;
  op.inputs = operands(i);
  const bool gradient = has(l, kHasWeights) || std::any_of(op.inputs.begin(), op.inputs.end(),
                                                           [&](int t) { return b_.needs_gradient(t); });
  const int relu = fused_relu(i);
  op.relu = relu >= 0;
  operator_of(l.kind).forward(*this, l, op);
  y = op.outputs[0];
  if (op.relu) activation_[static_cast<std::size_t>(relu)] = y;
  b_.set_needs_gradient(y, gradient);
  b_.graph().ops.push_back(std::move(op));
}

// Follows views: the layer whose output tensor really exists; -1 is the network's input.
int Forward::physical(int layer) const {
  while (layer >= 0 && has(b_.graph().layer(layer), kIsView)) layer = b_.graph().layer(layer).inputs[0];
  return layer;
}

// The ReLU that a layer's write-back performs, or -1.
int Forward::fused_relu(int layer) const {
  if (!has(b_.graph().layer(layer), kFusesRelu)) return -1;
  int relu = -1, consumers = 0;
  for (std::size_t i = 0; i < b_.layers().size(); ++i) {
    for (const int input : b_.layers()[i].inputs) {
      if (input != layer) continue;
      ++consumers;
      if (b_.layers()[i].kind == LayerKind::kRelu) relu = static_cast<int>(i);
    }
  }
  return consumers == 1 ? relu : -1;
}

// Few input channels of the network's input: taps stand where channels would (im2col).
bool Forward::gathers(const Layer& l) const {
  return physical(l.inputs[0]) == -1 && has(l, kContracts) && l.groups == 1 &&
         b_.graph().network.input.channels < kChannelAlignment && consumers_of_data() == 1;
}

int Forward::consumers_of_data() const {
  int n = 0;
  for (const Layer& l : b_.layers()) {
    if (has(l, kIsView)) continue;
    for (const int input : l.inputs) n += physical(input) == -1;
  }
  return n;
}

// The tensors that a layer reads. A layer of several inputs takes shares of channels where it has shares of
// all of them.
std::vector<int> Forward::operands(int layer) {
  const Layer& l = b_.graph().layer(layer);
  std::vector<int> tensors;
  for (const int input : l.inputs) {
    const int producer = physical(input);
    tensors.push_back(producer < 0 ? b_.graph().data : activation_[static_cast<std::size_t>(producer)]);
  }
  const bool whole = has(l, kNeedsAllChannels) || std::any_of(tensors.begin(), tensors.end(), [&](int t) {
                       return !b_.tensor(t).shared_out;
                     });
  if (!whole) return tensors;
  for (int& t : tensors) t = gathered(t, layer);
  return tensors;
}

int Forward::gathered(int t, int layer) {
  const int all = sharing_.whole(t, layer, Phase::kForward);
  if (all != t) b_.set_needs_gradient(all, b_.needs_gradient(t));
  return all;
}

int Forward::add_output(const Op& op, bool shared) {
  const Layer& l = b_.graph().layer(op);
  const int relu = op.relu ? fused_relu(op.layer) : -1;
  const std::string& owner = relu >= 0 ? b_.graph().layer(relu).name : l.name;
  // an override for the layer itself holds where its ReLU has none
  const bool own = relu >= 0 && b_.precision().layers.count(owner) == 0;
  TensorInfo t =
      b_.image(owner + ".activation", owner, TensorClass::kActivation, sharing_.part(l.out, shared));
  t.slot = b_.add_slot(t.name, TensorClass::kActivation, owner, own ? l.name : owner);
  t.format = b_.graph().slot(t.slot).format;
  const int y = b_.add_tensor(std::move(t));
  sharing_.share(y, shared);
  return y;
}

int Forward::add_activation(const Layer& l, const Op& op, Shape shape) {
  const int y = b_.add_image(l.name + ".activation", l.name, TensorClass::kActivation, shape);
  sharing_.share(y, b_.tensor(op.inputs[0]).shared_out);
  return y;
}

void Forward::add_parameters(const Layer& l, Op& op) {
  const TensorInfo& x = b_.tensor(op.inputs[0]);
  const bool whole_input = !has(l, kTakesWindow);  // as it stands in memory, before any flatten
  TensorInfo w;
  w.layer = l.name;
  w.layout = TensorInfo::Layout::kWeights;
  w.groups = l.groups;
  w.shared_out = sharing_.shares(op.layer);
  w.shape = {sharing_.part(l.out, w.shared_out).channels, x.shape[1] / l.groups,
             whole_input ? x.shape[2] : l.y.kernel, whole_input ? x.shape[3] : l.x.kernel};
  w.gathered = gathers(l);
  w.persistent = true;
  op.inputs.push_back(sharing_.add_parameter(w, op.layer, false));
  if (!l.bias) return;
  TensorInfo b;
  b.layer = l.name;
  b.layout = TensorInfo::Layout::kVector;
  b.groups = l.groups;
  b.shared_out = w.shared_out;
  b.shape = {w.shape[0], 1, 1, 1};
  b.persistent = true;
  op.inputs.push_back(sharing_.add_parameter(b, op.layer, true));
}

void Forward::add_vector_parameters(const Layer& l, Op& op) {
  const TensorInfo& x = b_.tensor(op.inputs[0]);
  TensorInfo w;
  w.layer = l.name;
  w.layout = TensorInfo::Layout::kVector;
  w.shared_out = x.shared_out;
  w.shape = {x.shape[1], 1, 1, 1};
  w.persistent = true;
  op.inputs.push_back(sharing_.add_parameter(w, op.layer, false));
  if (l.bias) op.inputs.push_back(sharing_.add_parameter(w, op.layer, true));
}

}  // namespace anzan::compiler
