// 64-bit sums of the 32-bit counters of each step, which cannot saturate within one step.
#include "sim/training/slot_recorder.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "compiler/graph/graph.hpp"
#include "models/number_format.hpp"
#include "sim/training/loss_watch.hpp"

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

Json step_or_null(std::int64_t step) { return step == 0 ? Json() : Json(step); }

constexpr std::int64_t kLastingSteps = 10;  // what a small tensor shows in a few steps is chance

// Saturation that no rule wants: a hundred times r_max where that is the rule, and a hundredth of all at
// least.
double far_above(const models::SlotSettings& settings) {
  constexpr double kShare = 0.01, kTimes = 100;
  const bool by_rate = settings.policy == isa::Policy::kOverflowRate || settings.policy == isa::Policy::kStep;
  return std::max(kShare, by_rate ? kTimes * double(settings.r_max) / 4294967296.0 : 0.0);
}

}  // namespace

void SlotRecorder::record(models::Core& core, std::int64_t steps, const std::vector<Updates>& updates) {
  for (const Updates& u : updates) {
    Slot& slot = slots_[static_cast<std::size_t>(u.slot)];
    slot.updates += u.wanted;
    slot.vanished += u.vanished;
    follow(slot.vanished_since, u.wanted > 0 && u.vanished == u.wanted, steps);
  }
  for (std::size_t s = 0; s < slots_.size(); ++s) {
    Slot& slot = slots_[s];
    const models::SlotStatistics total = core.statistics.take_total(static_cast<int>(s));
    slot.values += total.values;
    slot.zeros += total.zeros;
    slot.underflows += total.underflows;
    const bool lost = total.underflows > 0 && total.underflows + total.zeros == total.values;
    follow(slot.zero_since, steps > 0 && total.values > 0 && total.zeros == total.values, steps);
    follow(slot.lost_since, steps > 0 && lost, steps);
    const std::uint64_t saturated = std::uint64_t{total.saturated_high} + total.saturated_low;
    const bool too_much =
        double(saturated) > far_above(core.settings.slot(static_cast<int>(s))) * double(total.values);
    follow(slot.saturating_since, steps > 0 && too_much, steps);
    slot.saturated += saturated;
    slot.steps = steps;
    if (slot.first_lost == 0) slot.first_lost = slot.lost_since;
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
    json["first_all_underflowed"] = step_or_null(slot.first_lost);
    const bool updated = slot.updates > 0;
    json["updates"] = updated ? Json(slot.updates) : Json();
    json["vanished_updates"] = updated ? Json(slot.vanished) : Json();
    json["history"] = integer ? Json(slot.history) : Json::array();
    json["histogram"] = slot.histogram;
    report.push_back(std::move(json));
  }
  return report;
}

Json SlotRecorder::warnings(const std::vector<compiler::SlotInfo>& infos, const models::Core& core) const {
  Json found = Json::array();
  for (std::size_t s = 0; s < slots_.size(); ++s) {
    const compiler::SlotInfo& info = infos[s];
    const Slot& slot = slots_[s];
    if (static_cast<int>(s) == compiler::kConstantSlot || info.kind == compiler::TensorClass::kLoss) continue;
    const std::string keys = "/precision/" + (info.layer.empty() ? "" : "layers/" + info.layer + "/") +
                             std::string(compiler::name(info.kind));
    const auto warn = [&](const char* kind, std::int64_t step, std::string text, std::string advice) {
      found.push_back({{"kind", kind},
                       {"tensor", info.name},
                       {"step", step_or_null(step)},
                       {"text", info.name + ": " + std::move(text)},
                       {"advice", std::move(advice)}});
    };
    const auto lasts = [&](std::int64_t since) {
      return since > 0 && slot.steps - since + 1 >= kLastingSteps;
    };
    if (lasts(slot.zero_since))
      warn("all_zero", slot.zero_since, fmt::format("all zeros from step {} on", slot.zero_since),
           "a smaller learning rate, or another initialisation: what feeds it is dead");
    if (lasts(slot.lost_since))
      warn("all_underflowed", slot.lost_since,
           fmt::format("every value becomes zero from step {} on", slot.lost_since),
           "stochastic rounding or more bits in " + keys);
    if (lasts(slot.vanished_since))
      warn("updates_vanish", slot.vanished_since,
           fmt::format("every update is lost to rounding from step {} on", slot.vanished_since),
           "stochastic rounding in " + keys +
               ", or a wider master copy (presets int8_master16, int8_master32)");
    if (!models::is_integer(info.format)) continue;
    const models::SlotSettings& settings = core.settings.slot(static_cast<int>(s));
    const bool moves = settings.policy != isa::Policy::kStatic && settings.q_min < settings.q_max;
    if (moves && (settings.q_write == settings.q_max || settings.q_write == settings.q_min))
      warn("point_at_limit", 0,
           fmt::format("binary point at {} ({})", settings.q_write == settings.q_max ? "q_max" : "q_min",
                       int{settings.q_write}),
           "a wider range of points in " + keys + "/policy");
    if (lasts(slot.saturating_since))
      warn(
          "saturation", slot.saturating_since,
          fmt::format("far more values saturate than its rule wants, from step {} on", slot.saturating_since),
          "a shorter interval or a larger guard in " + keys + "/policy");
  }
  return found;
}

Json SlotRecorder::to_json() const {
  Json json = Json::array();
  for (const Slot& slot : slots_) {
    json.push_back({slot.values, slot.zeros, slot.saturated, slot.underflows, slot.history, slot.histogram,
                    slot.updates, slot.vanished, slot.zero_since, slot.lost_since, slot.vanished_since,
                    slot.first_lost, slot.saturating_since, slot.steps});
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
    slot.updates = counted(entry.at(6));
    slot.vanished = counted(entry.at(7));
    slot.zero_since = static_cast<std::int64_t>(counted(entry.at(8)));
    slot.lost_since = static_cast<std::int64_t>(counted(entry.at(9)));
    slot.vanished_since = static_cast<std::int64_t>(counted(entry.at(10)));
    slot.first_lost = static_cast<std::int64_t>(counted(entry.at(11)));
    slot.saturating_since = static_cast<std::int64_t>(counted(entry.at(12)));
    slot.steps = static_cast<std::int64_t>(counted(entry.at(13)));
  }
}

}  // namespace anzan::sim
