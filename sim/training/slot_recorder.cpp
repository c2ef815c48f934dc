// 64-bit sums of the 32-bit counters of each step, which cannot saturate within one step.
#include "sim/training/slot_recorder.hpp"

#include <algorithm>
#include <stdexcept>

#include "compiler/graph/graph.hpp"
#include "models/number_format.hpp"

namespace anzan::sim {
namespace {

using Json = nlohmann::json;

Json rate(std::uint64_t count, std::uint64_t values) {
  return values == 0 ? Json() : Json(static_cast<double>(count) / static_cast<double>(values));
}

// Converting alone would take -1 and 0.5, too.
std::uint64_t counted(const Json& json) {
  if (!json.is_number_unsigned()) throw std::invalid_argument("a count that is none");
  return json.get<std::uint64_t>();
}

}  // namespace

void SlotRecorder::record(models::Core& core, std::int64_t steps) {
  for (std::size_t s = 0; s < slots_.size(); ++s) {
    Slot& slot = slots_[s];
    const models::SlotStatistics total = core.statistics.take_total(static_cast<int>(s));
    slot.values += total.values;
    slot.zeros += total.zeros;
    slot.saturated += std::uint64_t{total.saturated_high} + total.saturated_low;
    slot.underflows += total.underflows;
    slot.histogram = total.histogram;
    const int q = core.settings.slot(static_cast<int>(s)).q_write;
    if (slot.history.empty() || slot.history.back().second != q) slot.history.emplace_back(steps, q);
  }
}

Json SlotRecorder::report(const std::vector<compiler::SlotInfo>& infos, const models::Core& core) const {
  Json report = Json::array();
  for (std::size_t s = 0; s < slots_.size(); ++s) {
    if (static_cast<int>(s) == compiler::kConstantSlot) continue;  // no tensor of the network
    const compiler::SlotInfo& info = infos[s];
    const Slot& slot = slots_[s];
    const models::SlotSettings& settings = core.settings.slot(static_cast<int>(s));
    Json json{{"name", info.name},
              {"class", compiler::name(info.kind)},
              {"layer", info.layer},
              {"format", isa::name(info.format)}};
    const bool integer = models::is_integer(info.format);
    json["width"] = integer ? Json(settings.width) : Json();
    json["rounding"] = integer ? Json(isa::name(settings.rounding)) : Json();
    json["policy"] = integer ? Json(isa::name(settings.policy)) : Json();
    json["binary_point"] = integer ? Json(int{settings.q_write}) : Json();
    json["values"] = slot.values;
    json["zero_rate"] = rate(slot.zeros, slot.values);
    json["saturation_rate"] = integer ? rate(slot.saturated, slot.values) : Json();
    json["underflow_rate"] = integer ? rate(slot.underflows, slot.values) : Json();
    json["history"] = integer ? Json(slot.history) : Json::array();
    json["histogram"] = slot.histogram;
    report.push_back(std::move(json));
  }
  return report;
}

Json SlotRecorder::to_json() const {
  Json json = Json::array();
  for (const Slot& slot : slots_) {
    json.push_back({slot.values, slot.zeros, slot.saturated, slot.underflows, slot.history, slot.histogram});
  }
  return json;
}

void SlotRecorder::from_json(const Json& json) {
  for (std::size_t s = 0; s < slots_.size(); ++s) {
    const Json& entry = json.at(s);
    Slot& slot = slots_[s];
    slot.values = counted(entry.at(0));
    slot.zeros = counted(entry.at(1));
    slot.saturated = counted(entry.at(2));
    slot.underflows = counted(entry.at(3));
    slot.history.clear();
    for (const Json& change : entry.at(4)) {
      if (!change.at(1).is_number_integer()) throw std::invalid_argument("a binary point that is none");
      slot.history.emplace_back(static_cast<std::int64_t>(counted(change.at(0))), change.at(1).get<int>());
    }
    if (entry.at(5).size() != slot.histogram.size())
      throw std::invalid_argument("a histogram of another size");
    std::transform(entry.at(5).begin(), entry.at(5).end(), slot.histogram.begin(),
                   [](const Json& value) { return static_cast<std::uint32_t>(counted(value)); });
  }
}

}  // namespace anzan::sim
