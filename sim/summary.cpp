// Text of a result, from the JSON alone.
#include "sim/summary.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace anzan::sim {
namespace {

using Json = nlohmann::json;

std::string rate(const Json& value) {
  return value.is_null() ? "-" : fmt::format("{:.2e}", value.get<double>());
}

std::string integer(const Json& value) { return value.is_null() ? "-" : std::to_string(value.get<int>()); }

}  // namespace

std::string summary(const Json& result) {
  const Json& simulation = result.at("simulation");
  std::string text = fmt::format(
      "test accuracy {:.2f} %, {:.0f} images/s ({} steps in {:.1f} s on {} threads)\n",
      100 * result.at("accuracy").at("test").get<double>(), simulation.at("images_per_second").get<double>(),
      result.at("training").at("steps").get<std::int64_t>(), simulation.at("training_seconds").get<double>(),
      simulation.at("threads").get<int>());
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
