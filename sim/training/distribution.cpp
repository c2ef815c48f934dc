// Tensors move element by element, counts as sums, and whatever cores must have in common is compared.
#include "sim/training/distribution.hpp"

#include <algorithm>
#include <cstring>
#include <map>
#include <stdexcept>
#include <utility>

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
    if (tensor != nullptr && model_.system.data_axis().coordinate(c) == place)
      return TensorMemory(cores_.core(c), *tensor).value(image % model_.training.batch);
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

void Distribution::share_statistics() {
  if (!divided()) return;
  const compiler::Mapping& mapping = model_.system.mapping;
  for (std::size_t s = 0; s < model_.slots.size(); ++s) {
    const auto slot = static_cast<int>(s);
    const auto require = [&](bool holds, const char* what) {
      if (!holds) throw std::logic_error(model_.slots[s].name + ": cores differ in their " + what);
    };
    const models::Core* first = nullptr;  // of those that use the slot
    SlotStatistics before, sum;
    std::map<std::pair<std::size_t, int>, SlotStatistics> of_part;  // by stage and place on the tensor axis
    for (int c = 0; c < cores_.size(); ++c) {
      models::Core& core = cores_.core(c);
      const SlotStatistics total = core.statistics.take_total(slot);
      if (!has(c, s)) continue;
      SlotStatistics window = core.statistics.window(slot);  // as it was before the step
      window.subtract(total);
      if (first == nullptr) {
        first = &core;
        before = window;
      }
      require(window == before, "windows");
      require(core.settings.slot(slot).q_read == first->settings.slot(slot).q_read, "binary points");
      const bool differs = model_.slots[s].differs, same = same_for_all_images(model_.slots[s].kind);
      const std::pair part{model_.stage_of(c), differs ? mapping.tensor.coordinate(c) : 0};
      if (same) require(of_part.emplace(part, total).first->second == total, "counts");
      const bool counts = (mapping.tensor.coordinate(c) == 0 || differs) &&
                          (model_.system.data_axis().coordinate(c) == 0 || !same);
      if (counts) sum.add(total);
    }
    if (first == nullptr) continue;
    whole_.settings.slot(slot) = first->settings.slot(slot);
    SlotStatistics window = before;
    window.add(sum);
    for (int c = 0; c < cores_.size(); ++c) cores_.core(c).statistics.window(slot) = window;
    whole_.statistics.window(slot) = window;
    whole_.statistics.total(slot) = sum;
  }
}

}  // namespace anzan::sim
