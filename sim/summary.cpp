// Text of a result, from the JSON alone.
#include "sim/summary.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "sim/host/quantity.hpp"

namespace anzan::sim {
namespace {

using Json = nlohmann::json;

std::string rate(const Json& value) {
  return value.is_null() ? "-" : fmt::format("{:.2e}", value.get<double>());
}

std::string lost_updates(const Json& slot) {
  if (slot.at("updates").is_null()) return "-";
  return fmt::format("{:.2f} %",
                     100 * slot.at("vanished_updates").get<double>() / slot.at("updates").get<double>());
}

std::string integer(const Json& value) { return value.is_null() ? "-" : std::to_string(value.get<int>()); }

// The shares below are left out.
constexpr double kLeastShare = 0.0005;

// What filled a unit's queue: " (update of fc6 20.3 %, ...)", the three longest.
std::string holders(const Json& held_by, const std::string& unit, double cycles) {
  std::string text;
  int named = 0;
  for (const Json& held : held_by) {
    const double share = held.at("cycles").get<double>() / cycles;
    if (held.at("unit") != unit || share < 10 * kLeastShare || ++named > 3) continue;
    text += fmt::format("{}{} of {} {} {:.1f} %", text.empty() ? " (" : ", ",
                        held.at("instruction").get<std::string>(), held.at("layer").get<std::string>(),
                        held.at("phase").get<std::string>(), 100 * share);
  }
  return text.empty() ? text : text + ")";
}

// Who keeps a unit waiting, largest first: shares of the step's cycles.
std::string waits(const Json& unit, double cycles) {
  std::vector<std::pair<double, std::string>> causes;
  for (const auto& item : unit.at("idle").items())
    causes.emplace_back(item.value().get<double>() / cycles, item.key());
  std::sort(causes.rbegin(), causes.rend());
  const std::string queue = "queue_of_";
  std::string text;
  for (const auto& [share, cause] : causes) {
    if (share < kLeastShare) continue;
    const bool full = cause.rfind(queue, 0) == 0;
    const std::string by = full ? cause.substr(queue.size()) : cause;
    text += fmt::format("{}{} {:.1f} %{}", text.empty() ? "" : ", ", full ? "the full queue of " + by : by,
                        100 * share, full ? holders(unit.at("held_by"), by, cycles) : "");
  }
  return text.empty() ? "nothing" : text;
}

}  // namespace

std::string cost_summary(const Json& result) {
  const Json &time = result.at("time"), &energy = result.at("energy"), &traffic = result.at("traffic");
  const auto cycles = time.at("cycles_per_step").get<double>();
  const Json& use = time.at("utilization");
  std::string text = fmt::format(
      "step: {:.0f} cycles, {}; tensor unit busy {:.1f} % (useful products: {:.1f} % of its peak), vector "
      "{:.1f} %, dma {:.1f} %\n",
      cycles, seconds_text(time.at("seconds_per_step").get<double>()), 100 * use.at("tensor").get<double>(),
      100 * time.at("useful_share_of_peak").get<double>(), 100 * use.at("vector").get<double>(),
      100 * use.at("dma").get<double>());
  text += fmt::format("the tensor unit waits for: {}\n", waits(time.at("units").at("tensor"), cycles));
  if (const auto idle = time.at("idle_lanes").get<std::int64_t>(); idle != 0) {
    const auto images = time.at("images_per_core").get<std::int64_t>();
    text +=
        fmt::format("a batch of {} a core takes the time of {}: {} lanes of its last group have no image\n",
                    images, images + idle, idle);
  }
  if (time.contains("scaling")) {
    const Json& s = time.at("scaling");
    text += fmt::format("{} cores on {} chips: ", s.at("cores").get<int>(), s.at("chips").get<int>());
    if (!s.at("speedup").is_null())
      text += fmt::format("{:.2f} times as fast as one core, efficiency {:.1f} % (limit {:.2f}); ",
                          s.at("speedup").get<double>(), 100 * s.at("efficiency").get<double>(),
                          s.at("speedup_limit").get<double>());
    text +=
        fmt::format("exchange {:.0f} cycles, of these exposed {:.0f}; {} a step between chips, {} on them\n",
                    s.at("exchange_cycles").get<double>(), s.at("exposed_exchange_cycles").get<double>(),
                    bytes_text(traffic.at("interchip_bytes_per_step").get<double>()),
                    bytes_text(traffic.at("onchip_bytes_per_step").get<double>()));
  }
  text += fmt::format("HBM: {} a step, {:.0f} % of its peak\n",
                      bytes_text(traffic.at("hbm_bytes_per_step").get<double>()),
                      100 * traffic.at("hbm").at("peak_share").get<double>());
  const auto step = energy.at("joules_per_step").get<double>();
  std::vector<std::pair<double, std::string>> parts;
  for (const auto& item : energy.at("by_component").items())
    parts.emplace_back(item.value().get<double>(), item.key());
  std::sort(parts.rbegin(), parts.rend());
  text +=
      fmt::format("energy: {} a step ({})", joules_text(step), energy.at("technology").get<std::string>());
  for (const auto& [part, component] : parts) {
    if (part >= 0.01 * step) text += fmt::format(", {} {:.0f} %", component, 100 * part / step);
  }
  text += fmt::format("; watching the numbers {:.2f} %\n",
                      100 * energy.at("watching_joules_per_step").get<double>() / step);
  if (result.contains("area")) {
    const Json& area = result.at("area");
    text +=
        fmt::format("area: {:.1f} mm2 in 0.18 um cells ({}), {:.2f} million gates and {:.1f} Mbit\n",
                    area.at("mm2").get<double>(), area.at("cells").get<std::string>(),
                    1e-6 * area.at("logic_gates").get<double>(), 1e-6 * area.at("memory_bits").get<double>());
  }
  if (time.at("programs").size() > 1)
    text +=
        fmt::format("in all: {} and {} on the chip\n", seconds_text(time.at("total_seconds").get<double>()),
                    joules_text(energy.at("total_joules").get<double>()));
  return text;
}

std::string summary(const Json& result) {
  const Json& simulation = result.at("simulation");
  std::string text = fmt::format(
      "test accuracy {:.2f} %, {:.0f} images/s ({} steps in {:.1f} s on {} threads)\n",
      100 * result.at("accuracy").at("test").get<double>(), simulation.at("images_per_second").get<double>(),
      result.at("training").at("steps").get<std::int64_t>(), simulation.at("training_seconds").get<double>(),
      simulation.at("threads").get<int>());
  if (const Json& training = result.at("training"); training.at("ended_by") == "until")
    text += fmt::format("ended by a test accuracy of at least {:.6g} %\n",
                        100 * training.at("until").get<double>());
  text += cost_summary(result);
  std::size_t width = 6;
  const Json& slots = result.at("precision").at("slots");
  for (const Json& slot : slots) width = std::max(width, slot.at("name").get<std::string>().size());
  text += fmt::format("{:<{}}  format  width  binary point  zero      saturated  underflowed  updates lost\n",
                      "tensor", width);
  for (const Json& slot : slots) {
    text +=
        fmt::format("{:<{}}  {:<6}  {:>5}  {:>12}  {:>8}  {:>9}  {:>11}  {:>12}\n",
                    slot.at("name").get<std::string>(), width, slot.at("format").get<std::string>(),
                    integer(slot.at("width")), integer(slot.at("binary_point")), rate(slot.at("zero_rate")),
                    rate(slot.at("saturation_rate")), rate(slot.at("underflow_rate")), lost_updates(slot));
  }
  for (const Json& warning : result.at("warnings"))
    text += fmt::format("warning: {} (try {})\n", warning.at("text").get<std::string>(),
                        warning.at("advice").get<std::string>());
  const Json& status = result.at("status");
  if (!status.at("text").is_null())
    text += fmt::format("TRAINING HAS FAILED: {}\n", status.at("text").get<std::string>());
  return text;
}

}  // namespace anzan::sim
