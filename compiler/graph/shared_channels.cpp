// Decides for each layer whether its channels are shared out, and adds the tensors that this takes: parts of
// images, images gathered again, shares of sums.
#include "compiler/graph/shared_channels.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "compiler/input/input_error.hpp"

namespace anzan::compiler {

bool is_contraction(LayerKind kind) {
  return kind == LayerKind::kConvolution || kind == LayerKind::kFullyConnected;
}

SharedChannels::SharedChannels(const Network& network, const Precision& precision,
                               const TrainingParameters& training, const ChipParameters& chip,
                               const SystemParameters& system)
    : GraphBuilder(network, precision, training, chip) {
  graph_.system = system;
}

void SharedChannels::check_wishes() const {
  for (const auto& [name, split] : graph_.system.mapping.split) {
    const auto named = [&n = name](const Layer& l) { return l.name == n && is_contraction(l.kind); };
    if (std::none_of(layers().begin(), layers().end(), named))
      throw InputError("/system/mapping/split/" + name, "no layer with weights of this name",
                       "one of the network's");
  }
}

void SharedChannels::check_sharing() const {
  if (cores() > 1 && sharing_.empty())
    throw InputError("/system/mapping/tensor", std::to_string(cores()) + " cores, which share no layer",
                     "a number that divides the channels of some layer");
}

bool SharedChannels::decide(int layer, int x) {
  const Layer& l = layers()[static_cast<std::size_t>(layer)];
  if (cores() == 1 || !is_contraction(l.kind)) return false;
  // what every core has of its input it also needs the gradient of: sums of parts, made share by share
  const bool input = gathered_from_.count(x) != 0 || x == graph_.data || tensor(x).shape[1] % cores() == 0;
  const bool divides = l.groups == 1 && l.out.channels % cores() == 0 && input;
  const auto wish = graph_.system.mapping.split.find(l.name);
  const bool wanted = wish == graph_.system.mapping.split.end() ? divides : wish->second;
  if (wanted && !divides)
    throw InputError("/system/mapping/split/" + l.name,
                     l.groups > 1 ? "a layer of groups"
                     : input      ? std::to_string(l.out.channels) + " output channels"
                                  : std::to_string(tensor(x).shape[1]) + " input channels, in every core",
                     "a layer without groups whose channels " + std::to_string(cores()) + " cores can share");
  if (wanted) sharing_.insert(layer);
  return wanted;
}

Shape SharedChannels::part(Shape shape, bool shared) const {
  if (shared) shape.channels /= cores();
  return shape;
}

Shape SharedChannels::pooled(int x, const Layer& l) {
  return {shape_of(x).channels, l.out.height, l.out.width};
}

void SharedChannels::share(int t, bool shared) {
  tensor(t).shared_out = shared;
  graph_.slots[static_cast<std::size_t>(tensor(t).slot)].differs = shared;
}

int SharedChannels::add_parameter(const TensorInfo& like, const Layer& l, int layer, bool bias,
                                  std::int64_t fan_in) {
  Parameter p;
  p.layer = layer;
  p.bias = bias;
  p.value =
      add_like(like, bias ? ".bias" : ".weight", bias ? TensorClass::kBias : TensorClass::kWeight, true);
  if (precision_.separate_master && !bias) {
    p.master = add_like(like, ".master_weight", TensorClass::kMasterWeight, true);
  }
  p.momentum = add_like(like, bias ? ".bias_momentum" : ".momentum", TensorClass::kMomentum, true);
  p.gradient =
      add_like(like, bias ? ".bias_gradient" : ".weight_gradient", TensorClass::kWeightGradient, false);
  for (const int t : {p.value, p.master, p.momentum, p.gradient}) {
    if (t >= 0) share(t, like.shared_out);
  }
  parameters_.push_back(p);
  TensorInfo initial = like;
  initial.name = tensor(p.value).name + ".initial";
  initial.kind = TensorClass::kMasterWeight;
  initial.slot = kConstantSlot;
  initial.format = isa::Format::kFp32;
  initial.persistent = false;
  const std::string initial_name = initial.name;
  add_tensor(std::move(initial));
  graph_.parameters.push_back(
      {tensor(p.value).name, initial_name, bias ? l.bias_filler : l.weight_filler, fan_in});
  return p.value;
}

int SharedChannels::whole(int t, int layer, Phase phase) {
  if (!tensor(t).shared_out) return t;
  Shape all = shape_of(t);
  all.channels *= cores();
  TensorInfo info = image(tensor(t).name + ".of_" + layers()[static_cast<std::size_t>(layer)].name,
                          tensor(t).layer, tensor(t).kind, all);
  info.slot = tensor(t).slot;
  info.format = tensor(t).format;
  const int gathered = add_tensor(std::move(info));
  push(OpKind::kGather, phase, layer, {t}, {gathered});
  if (phase == Phase::kForward) gathered_from_[gathered] = t;
  return gathered;
}

int SharedChannels::share_of(int t, const std::string& name) {
  const int own = add_selection(name, tensor(t).layer, t, part(shape_of(t), true));
  tensor(own).shared_out = true;
  return own;
}

void SharedChannels::sums_differ(int t) {
  SlotInfo& slot = graph_.slots[static_cast<std::size_t>(tensor(t).slot)];
  const auto guard = static_cast<int>(std::ceil(std::log2(cores())));
  slot.settings.guard =
      static_cast<std::uint8_t>(std::min<int>(slot.settings.guard + guard, slot.settings.width - 1));
  slot.differs = true;
}

}  // namespace anzan::compiler
