// Text of a result, from the JSON alone.
#include "sim/summary.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

namespace anzan::sim {
namespace {

using Json = nlohmann::json;

std::string rate(const Json& value) {
  return value.is_null() ? "-" : fmt::format("{:.2e}", value.get<double>());
}

std::string integer(const Json& value) { return value.is_null() ? "-" : std::to_string(value.get<int>()); }

// Who keeps a unit waiting, largest first: shares of the step's cycles.
std::string waits(const Json& idle, double cycles) {
  std::vector<std::pair<double, std::string>> causes;
  for (const auto& item : idle.items()) causes.emplace_back(item.value().get<double>() / cycles, item.key());
  std::sort(causes.rbegin(), causes.rend());
  std::string text;
  for (const auto& [share, cause] : causes) {
    if (share >= 0.0005) text += fmt::format("{}{} {:.1f} %", text.empty() ? "" : ", ", cause, 100 * share);
  }
  return text.empty() ? "nothing" : text;
}

std::string joules(double value) {
  return value >= 1      ? fmt::format("{:.2f} J", value)
         : value >= 1e-3 ? fmt::format("{:.3f} mJ", 1e3 * value)
                         : fmt::format("{:.3f} uJ", 1e6 * value);
}

}  // namespace

std::string cost_summary(const Json& result) {
  const Json &time = result.at("time"), &energy = result.at("energy"), &traffic = result.at("traffic");
  const auto cycles = time.at("cycles_per_step").get<double>();
  const Json& use = time.at("utilization");
  std::string text = fmt::format(
      "step: {:.0f} cycles, {:.3f} ms; tensor unit busy {:.1f} %, vector {:.1f} %, dma {:.1f} %\n", cycles,
      1e3 * time.at("seconds_per_step").get<double>(), 100 * use.at("tensor").get<double>(),
      100 * use.at("vector").get<double>(), 100 * use.at("dma").get<double>());
  text +=
      fmt::format("the tensor unit waits for: {}\n", waits(time.at("units").at("tensor").at("idle"), cycles));
  if (time.contains("scaling")) {
    const Json& s = time.at("scaling");
    text += fmt::format("{} cores on {} chips: ", s.at("cores").get<int>(), s.at("chips").get<int>());
    if (!s.at("speedup").is_null())
      text += fmt::format("{:.2f} times as fast as one core, efficiency {:.1f} % (limit {:.2f}); ",
                          s.at("speedup").get<double>(), 100 * s.at("efficiency").get<double>(),
                          s.at("speedup_limit").get<double>());
    text += fmt::format(
        "exchange {:.0f} cycles, of these exposed {:.0f}; {:.2f} MB a step between chips, {:.2f} MB on "
        "them\n",
        s.at("exchange_cycles").get<double>(), s.at("exposed_exchange_cycles").get<double>(),
        traffic.at("interchip_bytes_per_step").get<double>() / 1e6,
        traffic.at("onchip_bytes_per_step").get<double>() / 1e6);
  }
  text += fmt::format("HBM: {:.2f} MB a step, {:.0f} % of its peak\n",
                      traffic.at("hbm_bytes_per_step").get<double>() / 1e6,
                      100 * traffic.at("hbm").at("peak_share").get<double>());
  const auto step = energy.at("joules_per_step").get<double>();
  std::vector<std::pair<double, std::string>> parts;
  for (const auto& item : energy.at("by_component").items())
    parts.emplace_back(item.value().get<double>(), item.key());
  std::sort(parts.rbegin(), parts.rend());
  text += fmt::format("energy: {} a step ({})", joules(step), energy.at("technology").get<std::string>());
  for (const auto& [part, component] : parts) {
    if (part >= 0.01 * step) text += fmt::format(", {} {:.0f} %", component, 100 * part / step);
  }
  text += fmt::format("; watching the numbers {:.2f} %\n",
                      100 * energy.at("watching_joules_per_step").get<double>() / step);
  if (time.at("programs").size() > 1)
    text += fmt::format("in all: {:.3f} s and {} on the chip\n", time.at("total_seconds").get<double>(),
                        joules(energy.at("total_joules").get<double>()));
  return text;
}

std::string summary(const Json& result) {
  const Json& simulation = result.at("simulation");
  std::string text = fmt::format(
      "test accuracy {:.2f} %, {:.0f} images/s ({} steps in {:.1f} s on {} threads)\n",
      100 * result.at("accuracy").at("test").get<double>(), simulation.at("images_per_second").get<double>(),
      result.at("training").at("steps").get<std::int64_t>(), simulation.at("training_seconds").get<double>(),
      simulation.at("threads").get<int>());
  text += cost_summary(result);
  std::size_t width = 6;
  const Json& slots = result.at("precision").at("slots");
  for (const Json& slot : slots) width = std::max(width, slot.at("name").get<std::string>().size());
  text += fmt::format("{:<{}}  format  width  binary point  saturated  underflowed\n", "tensor", width);
  for (const Json& slot : slots) {
    text += fmt::format("{:<{}}  {:<6}  {:>5}  {:>12}  {:>9}  {:>11}\n", slot.at("name").get<std::string>(),
                        width, slot.at("format").get<std::string>(), integer(slot.at("width")),
                        integer(slot.at("binary_point")), rate(slot.at("saturation_rate")),
                        rate(slot.at("underflow_rate")));
  }
  return text;
}

}  // namespace anzan::sim
