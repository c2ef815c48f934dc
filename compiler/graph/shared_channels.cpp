// Channels are shared layer by layer: by wish, else wherever they divide.
#include "compiler/graph/shared_channels.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "compiler/input/input_error.hpp"

namespace anzan::compiler {

void SharedChannels::check_wishes() const {
  for (const auto& [name, split] : b_.graph().system.mapping.split) {
    const auto named = [&n = name](const Layer& l) { return l.name == n && has(l, kContracts); };
    if (std::none_of(b_.layers().begin(), b_.layers().end(), named))
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
  const Layer& l = b_.graph().layer(layer);
  if (cores() == 1 || !has(l, kContracts)) return false;
  // what every core has of its input it also needs the gradient of: sums of parts, made share by share
  const bool input =
      gathered_from_.count(x) != 0 || x == b_.graph().data || b_.tensor(x).shape[1] % cores() == 0;
  const bool divides = l.groups == 1 && l.out.channels % cores() == 0 && input;
  const auto wish = b_.graph().system.mapping.split.find(l.name);
  const bool wanted = wish == b_.graph().system.mapping.split.end() ? divides : wish->second;
  if (wanted && !divides)
    throw InputError("/system/mapping/split/" + l.name,
                     l.groups > 1 ? "a layer of groups"
                     : input      ? std::to_string(l.out.channels) + " output channels"
                                  : std::to_string(b_.tensor(x).shape[1]) + " input channels, in every core",
                     "a layer without groups whose channels " + std::to_string(cores()) + " cores can share");
  if (wanted) sharing_.insert(layer);
  return wanted;
}

Shape SharedChannels::part(Shape shape, bool shared) const {
  if (shared) shape.channels /= cores();
  return shape;
}

Shape SharedChannels::pooled(int x, const Layer& l) {
  return {b_.shape_of(x).channels, l.out.height, l.out.width};
}

void SharedChannels::share(int t, bool shared) {
  b_.tensor(t).shared_out = shared;
  b_.graph().slot(b_.tensor(t).slot).differs = shared;
}

int SharedChannels::add_parameter(const TensorInfo& like, int layer, bool bias) {
  const Layer& l = b_.graph().layer(layer);
  Parameter p;
  p.layer = layer;
  p.bias = bias;
  p.value =
      b_.add_like(like, bias ? ".bias" : ".weight", bias ? TensorClass::kBias : TensorClass::kWeight, true);
  if (b_.precision().separate_master && !bias) {
    p.master = b_.add_like(like, ".master_weight", TensorClass::kMasterWeight, true);
  }
  add_moments(like, p);
  p.gradient =
      b_.add_like(like, bias ? ".bias_gradient" : ".weight_gradient", TensorClass::kWeightGradient, false);
  for (const int t : {p.value, p.master, p.gradient}) {
    if (t >= 0) share(t, like.shared_out);
  }
  for (const int t : p.moments) share(t, like.shared_out);
  parameters_.push_back(p);
  add_initial(p.value, bias ? l.bias_filler : l.weight_filler, weights_of_a_channel(l), true);
  b_.graph().parameters.back().update_slot = p.update_slot;
  return p.value;
}

void SharedChannels::add_moments(const TensorInfo& like, Parameter& p) {
  const TrainingParameters& training = b_.graph().training;
  const auto add = [&](const std::string& name, TensorClass kind) {
    p.moments.push_back(b_.add_like(like, (p.bias ? ".bias_" : ".") + name, kind, true));
  };
  if (training.optimizer == OptimizerKind::kSgd) {
    add("momentum", TensorClass::kMomentum);
  } else {
    add("first_moment", TensorClass::kFirstMoment);
    add("second_moment", TensorClass::kSecondMoment);
  }
  p.update_slot = b_.tensor(p.moments.front()).slot;
  if (momentum_is_update(training)) return;
  const std::string name = like.layer + (p.bias ? ".bias_update" : ".update");
  p.update_slot = b_.add_counting_slot(name, TensorClass::kUpdate, like.layer);
  b_.graph().slot(p.update_slot).differs = like.shared_out;
}

int SharedChannels::add_average(const Layer& layer, const std::string& suffix, const TensorInfo& image,
                                double initial) {
  const int average = b_.add_channel_vector(layer, suffix, image);
  b_.tensor(average).persistent = true;
  add_initial(average, {Filler::Kind::kConstant, initial}, 1, false);
  return average;
}

void SharedChannels::add_initial(int value, const Filler& filler, std::int64_t fan_in, bool trained) {
  TensorInfo initial = b_.tensor(value);
  const std::string name = initial.name;
  initial.name = name + ".initial";
  initial.kind = TensorClass::kMasterWeight;
  initial.slot = kConstantSlot;
  initial.format = isa::Format::kFp32;
  initial.persistent = false;
  b_.graph().parameters.push_back({name, initial.name, filler, fan_in, trained});
  b_.add_tensor(std::move(initial));
}

int SharedChannels::whole(int t, int layer, Phase phase) {
  if (!b_.tensor(t).shared_out) return t;
  Shape all = b_.shape_of(t);
  all.channels *= cores();
  TensorInfo info = b_.image(b_.tensor(t).name + ".of_" + b_.graph().layer(layer).name, b_.tensor(t).layer,
                             b_.tensor(t).kind, all);
  info.slot = b_.tensor(t).slot;
  info.format = b_.tensor(t).format;
  info.selects = true;
  const int gathered = b_.add_tensor(std::move(info));
  b_.push(OpKind::kGather, phase, layer, {t}, {gathered});
  if (phase == Phase::kForward) gathered_from_[gathered] = t;
  return gathered;
}

int SharedChannels::share_of(int t, const std::string& name) {
  const int own = b_.add_selection(name, b_.tensor(t).layer, t, part(b_.shape_of(t), true));
  b_.tensor(own).shared_out = true;
  return own;
}

void SharedChannels::sums_differ(int t) {
  SlotInfo& slot = b_.graph().slot(b_.tensor(t).slot);
  const auto guard = static_cast<int>(std::ceil(std::log2(cores())));
  slot.settings.guard =
      static_cast<std::uint8_t>(std::min<int>(slot.settings.guard + guard, slot.settings.width - 1));
  slot.differs = true;
}

}  // namespace anzan::compiler
