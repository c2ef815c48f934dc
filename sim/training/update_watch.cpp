// Whole lines are compared: what holds no element stays zero.
#include "sim/training/update_watch.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <stdexcept>
#include <string>

namespace anzan::sim {
namespace {

using compiler::TensorInfo;

const TensorInfo* find(const std::vector<TensorInfo>& tensors, const std::string& name) {
  const auto found =
      std::find_if(tensors.begin(), tensors.end(), [&](const TensorInfo& t) { return t.name == name; });
  return found == tensors.end() ? nullptr : &*found;
}

const TensorInfo& updated(const compiler::CompiledModel& model, const TensorInfo& parameter) {
  const TensorInfo* master = parameter.kind == compiler::TensorClass::kWeight
                                 ? find(model.tensors, parameter.layer + ".master_weight")
                                 : nullptr;
  return master != nullptr ? *master : parameter;
}

const std::uint8_t* lines_of(const models::Core& core, const TensorInfo& t) {
  return core.hbm() + t.hbm_line * core.line_bytes();
}

template <class Number>
std::uint64_t differing(const std::uint8_t* a, const std::uint8_t* b, std::size_t bytes, int q_a, int q_b) {
  const double unit_a = std::ldexp(1.0, -q_a), unit_b = std::ldexp(1.0, -q_b);
  std::uint64_t count = 0;
  for (std::size_t i = 0; i < bytes; i += sizeof(Number)) {
    Number x, y;
    std::memcpy(&x, a + i, sizeof x);
    std::memcpy(&y, b + i, sizeof y);
    count += q_a == q_b ? x != y : double(x) * unit_a != double(y) * unit_b;
  }
  return count;
}

}  // namespace

UpdateWatch::UpdateWatch(const compiler::CompiledModel& model, Cores& cores) {
  for (const compiler::ParameterInfo& p : model.parameters) {
    if (!p.trained) continue;
    const TensorInfo& parameter = model.tensor(p.name);
    const TensorInfo& value = updated(model, parameter);
    Parameter& watched = parameter_of(value.slot, p.update_slot);
    for (int c = 0; c < cores.size(); ++c) {
      const TensorInfo* const part = find(model.stages[model.stage_of(c)].tensors, value.name);
      if (part == nullptr || part->hbm_line < 0 || model.system.data_axis().coordinate(c) > 0) continue;
      if (part->shared_out || model.system.mapping.tensor.coordinate(c) == 0)
        watched.parts.push_back({&cores.core(c), part, {}, 0});
    }
  }
}

// Layers with the same settings may share both slots: their counters are one sum.
UpdateWatch::Parameter& UpdateWatch::parameter_of(int slot, int update_slot) {
  const auto found = std::find_if(parameters_.begin(), parameters_.end(), [&](const Parameter& p) {
    return p.slot == slot && p.update_slot == update_slot;
  });
  if (found != parameters_.end()) return *found;
  return parameters_.emplace_back(Parameter{slot, update_slot, {}});
}

void UpdateWatch::before(models::Core& whole) {
  for (Parameter& p : parameters_) {
    whole.statistics.take_total(p.update_slot);
    for (Part& part : p.parts) {
      const std::uint8_t* const lines = lines_of(*part.core, *part.tensor);
      part.stored.assign(lines, lines + part.tensor->lines * part.core->line_bytes());
      part.point = part.core->settings.slot(p.slot).q_read;
    }
  }
}

std::uint64_t UpdateWatch::changed(const Part& part) {
  const std::uint8_t *a = part.stored.data(), *b = lines_of(*part.core, *part.tensor);
  const std::size_t bytes = part.stored.size();
  const int now = part.core->settings.slot(part.tensor->slot).q_read;
  switch (part.tensor->format) {
    case isa::Format::kInt8:
      return differing<std::int8_t>(a, b, bytes, part.point, now);
    case isa::Format::kInt16:
      return differing<std::int16_t>(a, b, bytes, part.point, now);
    case isa::Format::kFp32:
      return differing<float>(a, b, bytes, 0, 0);
  }
  throw std::logic_error("update watch: a format that it does not know");
}

std::vector<Updates> UpdateWatch::after(const models::Core& whole) const {
  std::vector<Updates> result;
  for (const Parameter& p : parameters_) {
    const models::SlotStatistics& counts = whole.statistics.total(p.update_slot);
    Updates u{p.slot, counts.values - counts.zeros, 0};
    std::uint64_t changes = 0;
    for (const Part& part : p.parts) changes += changed(part);
    u.vanished = u.wanted - std::min(u.wanted, changes);
    result.push_back(u);
  }
  return result;
}

}  // namespace anzan::sim
