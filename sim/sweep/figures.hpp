// What a row keeps of a point's result: standard figures, and further ones that a sweep names.
#pragma once
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

namespace anzan::sim {

struct FigureColumn {
  const char* name;     // of the column, with its unit
  const char* pointer;  // into the result; empty where it is made of others
  const char* meaning;
};
const std::vector<FigureColumn>& figure_columns();

// The column that has what stands at this pointer; null if none has.
const FigureColumn* column_of(const std::string& pointer);

using Pointers = std::vector<nlohmann::json::json_pointer>;

struct Figures {
  std::vector<std::optional<double>> columns;         // none: the result has none
  nlohmann::json further = nlohmann::json::object();  // by pointer; null: the result has none

  // All numbers that stand at `pointers`, or nullopt where somebody has to look into the result.
  bool has(const Pointers& pointers) const;
  // What stands at a pointer that it has, if that is a number.
  std::optional<double> at(const nlohmann::json::json_pointer& pointer) const;
};

// Those of a result, and what stands there at `further`.
Figures take_figures(const nlohmann::json& result, const Pointers& further);

void to_json(nlohmann::json& json, const Figures& figures);
void from_json(const nlohmann::json& json, Figures& figures);

}  // namespace anzan::sim
