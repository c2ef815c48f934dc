// Numbers of a result by name and by pointer.
#include "sim/sweep/figures.hpp"

#include <algorithm>
#include <cmath>
#include <string>

namespace anzan::sim {
namespace {

using Json = nlohmann::json;

std::optional<double> finite_number(const Json& json, const Json::json_pointer& pointer) {
  if (!json.contains(pointer)) return std::nullopt;
  const Json& there = json.at(pointer);
  if (!there.is_number() || !std::isfinite(there.get<double>())) return std::nullopt;
  return there.get<double>();
}

std::size_t index_of(const FigureColumn& column) {
  return static_cast<std::size_t>(&column - figure_columns().data());
}

}  // namespace

const std::vector<FigureColumn>& figure_columns() {
  static const std::vector<FigureColumn> columns = {
      {"cycles_per_step", "/time/cycles_per_step", "cycles of a training step"},
      {"seconds_per_step", "/time/seconds_per_step", "the same in seconds"},
      {"images_per_second", "/time/images_per_second", "images of a batch by seconds_per_step"},
      {"joules_per_step", "/energy/joules_per_step", "energy of a step"},
      {"watts", "", "joules_per_step by seconds_per_step"},
      {"tensor_utilization", "/time/utilization/tensor", "share of a step in which the tensor unit works"},
      {"vector_utilization", "/time/utilization/vector", "the same of the vector unit"},
      {"dma_utilization", "/time/utilization/dma", "the same of the DMA"},
      {"network_utilization", "/time/utilization/network", "the same of the network unit"},
      {"useful_share_of_peak", "/time/useful_share_of_peak",
       "products of the network by those the array could make"},
      {"hbm_bytes_per_step", "/traffic/hbm_bytes_per_step", "bytes between HBM and scratchpad"},
      {"interchip_bytes_per_step", "/traffic/interchip_bytes_per_step", "bytes between chips"},
      {"planned_bytes", "/memory/planned_bytes", "HBM that a step needs"},
      {"mm2", "/area/mm2", "area of all cores in the cells that the RTL was synthesised for"},
      {"speedup", "/time/scaling/speedup", "over one core, where there are several"},
      {"test_accuracy", "/accuracy/test", "share of test images classified rightly, from 0 to 1"},
      {"train_loss", "/accuracy/train_loss", "mean loss of an image at the end"},
  };
  return columns;
}

const FigureColumn* column_of(const std::string& pointer) {
  const auto& all = figure_columns();
  const auto found = std::find_if(all.begin(), all.end(), [&](const FigureColumn& c) {
    return !pointer.empty() && pointer == c.pointer;
  });
  return found == all.end() ? nullptr : &*found;
}

bool Figures::has(const Pointers& pointers) const {
  return std::all_of(pointers.begin(), pointers.end(), [&](const Json::json_pointer& p) {
    const std::string text = p.to_string();
    return column_of(text) != nullptr || further.contains(text);
  });
}

std::optional<double> Figures::at(const Json::json_pointer& pointer) const {
  const std::string text = pointer.to_string();
  if (const FigureColumn* const column = column_of(text)) return columns.at(index_of(*column));
  const auto found = further.find(text);
  if (found == further.end() || !found->is_number()) return std::nullopt;
  return found->get<double>();
}

Figures take_figures(const Json& result, const Pointers& further) {
  Figures figures;
  for (const FigureColumn& c : figure_columns())
    figures.columns.push_back(*c.pointer == '\0' ? std::nullopt
                                                 : finite_number(result, Json::json_pointer(c.pointer)));
  const auto column = [&](const char* name) -> std::optional<double>& {
    const auto& all = figure_columns();
    const auto found = std::find_if(all.begin(), all.end(),
                                    [&](const FigureColumn& c) { return std::string(name) == c.name; });
    return figures.columns.at(index_of(*found));
  };
  const std::optional<double> joules = column("joules_per_step"), seconds = column("seconds_per_step");
  if (joules && seconds && *seconds != 0) column("watts") = *joules / *seconds;
  for (const Json::json_pointer& p : further) {
    if (column_of(p.to_string()) != nullptr) continue;
    figures.further[p.to_string()] = result.contains(p) ? result.at(p) : Json(nullptr);
  }
  return figures;
}

void to_json(Json& json, const Figures& figures) {
  Json columns = Json::array();
  for (const std::optional<double>& value : figures.columns)
    columns.push_back(value ? Json(*value) : Json(nullptr));
  json = {{"columns", std::move(columns)}, {"further", figures.further}};
}

void from_json(const Json& json, Figures& figures) {
  figures.columns.clear();
  for (const Json& value : json.at("columns"))
    figures.columns.push_back(value.is_null() ? std::nullopt : std::optional<double>(value.get<double>()));
  figures.further = json.at("further");
}

}  // namespace anzan::sim
