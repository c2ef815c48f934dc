// A tensor gets its place in a line, its slot and its format here; its place in HBM comes later.
#include "compiler/graph/graph_builder.hpp"

#include <utility>

#include "compiler/graph/layout.hpp"
#include "models/number_format.hpp"

namespace anzan::compiler {

namespace {

// "weight" of "conv1.weight", "activation_gradient" of "add.activation_gradient.2"; nothing for what belongs
// to no layer.
std::string part_of_layer(const std::string& tensor_name, const std::string& layer) {
  if (tensor_name.rfind(layer + ".", 0) != 0) return {};
  const std::string rest = tensor_name.substr(layer.size() + 1);
  return rest.substr(0, rest.find('.'));
}

bool alike(const Precision& precision, const std::string& a, const std::string& b) {
  for (int c = 0; c < kTensorClasses; ++c) {
    const TensorPrecision &of_a = precision.of(static_cast<TensorClass>(c), a),
                          &of_b = precision.of(static_cast<TensorClass>(c), b);
    if (of_a.format != of_b.format || of_a.slot != of_b.slot) return false;
  }
  return true;
}

}  // namespace

GraphBuilder::GraphBuilder(const Input& input) : input_(input) {
  graph_.network = input.network;
  graph_.training = input.training;
  graph_.chip = input.chip;
  graph_.system = input.system;
  graph_.memory = input.memory;
  SlotInfo constant;
  constant.name = "constant";
  constant.format = isa::Format::kInt8;
  constant.settings.width = 8;
  constant.settings.policy = isa::Policy::kStatic;
  graph_.slots.push_back(constant);
}

void GraphBuilder::push(OpKind kind, Phase phase, int layer, std::vector<int> inputs,
                        std::vector<int> outputs) {
  Op op;
  op.kind = kind;
  op.phase = phase;
  op.layer = layer;
  op.inputs = std::move(inputs);
  op.outputs = std::move(outputs);
  graph_.ops.push_back(std::move(op));
}

GraphBuilder::SharedSlot* GraphBuilder::shared_slot(const std::string& part, const std::string& settings_of) {
  for (SharedSlot& s : shared_slots_) {
    if (s.part == part && alike(precision(), s.settings_of, settings_of)) return &s;
  }
  return nullptr;
}

int GraphBuilder::add_slot(const std::string& slot_name, TensorClass kind, const std::string& layer) {
  return add_slot(slot_name, kind, layer, layer);
}

int GraphBuilder::add_slot(const std::string& slot_name, TensorClass kind, const std::string& layer,
                           const std::string& settings_of) {
  const TensorPrecision& p = precision().of(kind, settings_of);
  return add_slot({slot_name, layer, kind, p.format, p.slot}, settings_of);
}

int GraphBuilder::add_counting_slot(const std::string& slot_name, TensorClass kind,
                                    const std::string& layer) {
  SlotInfo slot;
  slot.name = slot_name;
  slot.layer = layer;
  slot.kind = kind;
  return add_slot(slot, layer);
}

int GraphBuilder::add_slot(const SlotInfo& slot, const std::string& settings_of) {
  const std::string part = precision().shares_slots ? part_of_layer(slot.name, slot.layer) : "";
  if (!part.empty()) {
    if (SharedSlot* shared = shared_slot(part, settings_of)) {
      ++shared->tensors;
      return shared->slot;
    }
    shared_slots_.push_back({static_cast<int>(graph_.slots.size()), 1, part, settings_of});
  }
  graph_.slots.push_back(slot);
  return static_cast<int>(graph_.slots.size()) - 1;
}

int GraphBuilder::add_words(const std::string& name, int t) {
  SlotInfo words;
  words.name = name;
  words.layer = tensor(t).layer;
  words.kind = tensor(t).kind;
  words.settings.policy = isa::Policy::kStatic;
  words.words_of = t;
  graph_.slots.push_back(words);
  return static_cast<int>(graph_.slots.size()) - 1;
}

void GraphBuilder::name_shared_slots() {
  for (const SharedSlot& s : shared_slots_) {
    if (s.tensors > 1) graph_.slot(s.slot).name += " and " + std::to_string(s.tensors - 1) + " more";
  }
}

int GraphBuilder::add_tensor(TensorInfo t) {
  t.lanes = graph_.chip.lanes;
  graph_.tensors.push_back(std::move(t));
  const int number = static_cast<int>(graph_.tensors.size()) - 1;
  TensorInfo& added = tensor(number);
  added.lines = ceil_div(row_count(added), models::elements_per_word(added.format));
  return number;
}

TensorInfo GraphBuilder::image(const std::string& tensor_name, const std::string& layer, TensorClass kind,
                               Shape s) const {
  TensorInfo t;
  t.name = tensor_name;
  t.layer = layer;
  t.kind = kind;
  t.layout = TensorInfo::Layout::kImages;
  t.shape = {graph_.training.batch, s.channels, s.height, s.width};
  t.pitch = align_channels(s.channels);
  return t;
}

int GraphBuilder::add_image(const std::string& tensor_name, const std::string& layer, TensorClass kind,
                            Shape s) {
  TensorInfo t = image(tensor_name, layer, kind, s);
  t.slot = add_slot(tensor_name, kind, layer);
  t.format = graph_.slot(t.slot).format;
  return add_tensor(std::move(t));
}

int GraphBuilder::add_selection(const std::string& tensor_name, const std::string& layer, int source,
                                Shape s) {
  TensorInfo t = image(tensor_name, layer, tensor(source).kind, s);
  t.slot = tensor(source).slot;
  t.format = tensor(source).format;
  t.shared_out = tensor(source).shared_out;
  t.selects = true;
  return add_tensor(std::move(t));
}

int GraphBuilder::add_constant_image(const std::string& tensor_name, isa::Format format, Shape s) {
  TensorInfo t = image(tensor_name, "", TensorClass::kLoss, s);
  t.slot = kConstantSlot;
  t.format = format;
  return add_tensor(std::move(t));
}

int GraphBuilder::add_channel_vector(const Layer& layer, const std::string& suffix, const TensorInfo& image) {
  TensorInfo t;
  t.name = layer.name + suffix;
  t.layer = layer.name;
  t.kind = TensorClass::kLoss;
  t.slot = kConstantSlot;
  t.layout = TensorInfo::Layout::kVector;
  t.shape = {image.shape[1], 1, 1, 1};
  t.shared_out = image.shared_out;
  return add_tensor(std::move(t));
}

Shape GraphBuilder::shape_of(int t) const {
  const TensorInfo& info = graph_.tensor(t);
  return {info.shape[1], info.shape[2], info.shape[3]};
}

int GraphBuilder::add_like(const TensorInfo& like, const std::string& suffix, TensorClass kind,
                           bool persistent) {
  TensorInfo t = like;
  t.name = like.layer + suffix;
  t.kind = kind;
  t.persistent = persistent;
  t.slot = add_slot(t.name, kind, like.layer);
  t.format = graph_.slot(t.slot).format;
  return add_tensor(std::move(t));
}

bool GraphBuilder::needs_gradient(int t) const {
  const auto number = static_cast<std::size_t>(t);
  return number < needs_gradient_.size() && needs_gradient_[number];
}

void GraphBuilder::set_needs_gradient(int t, bool value) {
  needs_gradient_.resize(graph_.tensors.size(), false);
  needs_gradient_[static_cast<std::size_t>(t)] = value;
}

}  // namespace anzan::compiler
