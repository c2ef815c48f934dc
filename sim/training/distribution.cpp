// Tensors move element by element, and whatever cores must have in common is compared.
#include "sim/training/distribution.hpp"

#include <algorithm>
#include <cstring>
#include <stdexcept>

#include "models/number_format.hpp"
#include "sim/training/tensor_memory.hpp"

namespace anzan::sim {
namespace {

using compiler::TensorInfo;
using models::SlotStatistics;

const TensorInfo* named(const std::vector<TensorInfo>& tensors, const std::string& name) {
  const auto found = std::find_if(tensors.begin(), tensors.end(),
                                  [&](const TensorInfo& t) { return t.name == name && t.hbm_line >= 0; });
  return found == tensors.end() ? nullptr : &*found;
}

}  // namespace

Distribution::Distribution(const compiler::CompiledModel& model, const compiler::Network& network,
                           models::Core& whole, Cores& cores)
    : model_(model),
      whole_(whole),
      cores_(cores),
      whole_writer_(whole, &model.tensor("data"), &model.tensor("label"), network) {
  const auto constants = [&](models::Core& core) {
    for (const auto& [line, words] : model.constants)
      std::memcpy(core.hbm() + line * core.line_bytes(), words.data(), 4 * words.size());
  };
  constants(whole_);
  for (std::size_t s = 0; s < model_.stages.size(); ++s) {
    loss_.push_back(part(s, "loss"));
    has_slot_.emplace_back(model_.slots.size(), false);
    for (const TensorInfo& t : model_.stages[s].tensors) {
      if (t.hbm_line < 0) continue;
      has_slot_.back()[static_cast<std::size_t>(t.slot)] = true;
      if (t.persistent && divided()) persistent_.push_back({&model_.tensor(t.name), &t, s});
    }
    for (const compiler::ParameterInfo& p : model_.parameters) {
      if (part(s, p.name) != nullptr) has_slot_.back()[static_cast<std::size_t>(p.update_slot)] = true;
    }
  }
  for (int c = 0; c < cores_.size(); ++c) {
    constants(cores_.core(c));
    cores_.core(c).settings = whole_.settings;
    writers_.push_back(writer(c, network));
  }
}

const TensorInfo* Distribution::part(std::size_t stage, const std::string& name) const {
  return named(model_.stages[stage].tensors, name);
}

BatchWriter Distribution::writer(int core, const compiler::Network& network) {
  const std::size_t stage = model_.stage_of(core);
  return {cores_.core(core), part(stage, "data"), part(stage, "label"), network};
}

// Of the whole tensor, that the core's part begins with.
std::int64_t Distribution::first_element(const TensorInfo& part, int core) const {
  return part.shared_out ? model_.system.mapping.tensor.coordinate(core) * part.size() : 0;
}

void Distribution::spread() {
  for (int c = 0; c < cores_.size(); ++c) {
    models::Core& to = cores_.core(c);
    if (&to == &whole_) continue;
    if (!divided())
      std::memcpy(to.hbm(), whole_.hbm(),
                  static_cast<std::size_t>(whole_.lines(isa::Space::kHbm) * whole_.line_bytes()));
    for (const Copy& copy : persistent_) {
      if (copy.stage != model_.stage_of(c)) continue;
      const TensorMemory from(whole_, *copy.whole);
      TensorMemory memory(to, *copy.part);
      const std::int64_t first = first_element(*copy.part, c);
      for (std::int64_t i = 0; i < copy.part->size(); ++i) memory.set(i, from.get(first + i));
    }
    to.settings = whole_.settings;
    to.statistics = whole_.statistics;
    for (std::size_t s = 0; s < model_.slots.size(); ++s) to.statistics.take_total(static_cast<int>(s));
  }
}

void Distribution::collect() {
  for (int c = 0; c < cores_.size(); ++c) {
    if (model_.system.data_axis().coordinate(c) > 0) continue;
    for (const Copy& copy : persistent_) {
      if (copy.stage != model_.stage_of(c)) continue;
      TensorMemory to(whole_, *copy.whole);
      const TensorMemory memory(cores_.core(c), *copy.part);
      const std::int64_t first = first_element(*copy.part, c);
      for (std::int64_t i = 0; i < copy.part->size(); ++i) to.set(first + i, memory.get(i));
    }
  }
}

void Distribution::share_averages() {
  for (const compiler::ParameterInfo& p : model_.parameters) {
    if (p.trained) continue;
    const TensorInfo& tensor = model_.tensor(p.name);
    const std::int64_t line = whole_.line_bytes();
    for (int c = 0; c < cores_.size(); ++c) {
      models::Core& to = cores_.core(c);
      if (&to != &whole_)
        std::memcpy(to.hbm() + tensor.hbm_line * line, whole_.hbm() + tensor.hbm_line * line,
                    static_cast<std::size_t>(tensor.lines * line));
    }
  }
}

void Distribution::write(const ImageSet& set, const std::vector<std::int64_t>& images) {
  for (int c = 0; c < cores_.size(); ++c) {
    const auto share = static_cast<std::size_t>(model_.training.batch),
               place = static_cast<std::size_t>(model_.system.data_axis().coordinate(c)),
               first = std::min(images.size(), share * place), last = std::min(images.size(), first + share);
    writers_[static_cast<std::size_t>(c)].write(set, {images.begin() + static_cast<std::ptrdiff_t>(first),
                                                      images.begin() + static_cast<std::ptrdiff_t>(last)});
  }
}

void Distribution::write_whole(const ImageSet& set, const std::vector<std::int64_t>& images) {
  whole_writer_.write(set, images);
}

double Distribution::loss(std::int64_t image) const {
  const std::int64_t place = image / model_.training.batch;
  for (int c = 0; c < cores_.size(); ++c) {
    const TensorInfo* tensor = loss_[model_.stage_of(c)];
    if (tensor == nullptr || model_.system.data_axis().coordinate(c) != place) continue;
    const TensorMemory memory(cores_.core(c), *tensor);
    const std::int64_t pixels = tensor->size() / tensor->shape[0],
                       first = image % model_.training.batch * pixels;
    double sum = 0;
    for (std::int64_t pixel = 0; pixel < pixels; ++pixel) sum += memory.value(first + pixel);
    return sum / static_cast<double>(pixels);
  }
  throw std::logic_error("no core has the loss of image " + std::to_string(image));
}

void Distribution::clear_totals() {
  if (cores_.size() == 1 && !divided()) return;
  for (int c = 0; c < cores_.size(); ++c) {
    for (std::size_t s = 0; s < model_.slots.size(); ++s)
      cores_.core(c).statistics.take_total(static_cast<int>(s));
  }
}

// Of several cores that count the same values one is counted.
SlotStatistics Distribution::counted_by_all(std::size_t slot) const {
  const compiler::SlotInfo& info = model_.slots[slot];
  SlotStatistics sum;
  for (int c = 0; c < cores_.size(); ++c) {
    const bool counts = (info.differs || model_.system.mapping.tensor.coordinate(c) == 0) &&
                        (!same_for_all_images(info.kind) || model_.system.data_axis().coordinate(c) == 0);
    if (counts) sum.add(cores_.core(c).statistics.total(static_cast<int>(slot)));
  }
  return sum;
}

void Distribution::collect_statistics() {
  for (std::size_t s = 0; s < model_.slots.size(); ++s) {
    const auto slot = static_cast<int>(s);
    const bool has_point = models::has_binary_point(model_.slots[s].format);
    const SlotStatistics sum = has_point ? SlotStatistics() : counted_by_all(s);
    const models::Core* first = nullptr;  // of those that use the slot
    const auto require = [&](bool holds, const char* what) {
      if (!holds) throw std::logic_error(model_.slots[s].name + ": cores differ in their " + what);
    };
    for (int c = 0; c < cores_.size(); ++c) {
      if (!has(c, s)) continue;
      const models::Core& core = cores_.core(c);
      if (first == nullptr) first = &core;
      require(core.settings.slot(slot).q_read == first->settings.slot(slot).q_read, "binary points");
      if (!has_point) continue;
      require(core.statistics.total(slot) == first->statistics.total(slot), "counts");
      require(core.statistics.window(slot) == first->statistics.window(slot), "windows");
    }
    if (first == nullptr) continue;
    whole_.settings.slot(slot) = first->settings.slot(slot);
    whole_.statistics.window(slot) = first->statistics.window(slot);
    whole_.statistics.total(slot) = has_point ? first->statistics.total(slot) : sum;
  }
}

}  // namespace anzan::sim
