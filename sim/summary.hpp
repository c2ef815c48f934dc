// A result in words, for the end of a run.
#pragma once
#include <nlohmann/json.hpp>
#include <string>

namespace anzan::sim {

// Accuracy, speed and a table of the slots of a result (result.schema.json).
std::string summary(const nlohmann::json& result);

// What a step costs: of an object with `time`, `energy` and `traffic` as in result.json.
std::string cost_summary(const nlohmann::json& result);

}  // namespace anzan::sim
