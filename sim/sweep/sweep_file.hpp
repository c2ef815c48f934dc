// SWEEP.json: base, axes, constraints, objectives and sampler, checked.
#pragma once
#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "sim/sweep/space.hpp"

namespace anzan::sim {

struct Objective {
  nlohmann::json::json_pointer pointer;  // into Outcome::result
  bool maximise = false;
};

enum class Measurement { kCost, kTraining };  // what is done with a point

struct SweepFile {
  std::string name;  // of the file, without .json, where it says none
  nlohmann::json base;
  std::filesystem::path base_directory;
  Measurement measurement = Measurement::kCost;
  Space space;
  std::vector<std::string> result_constraints;  // expressions that name results
  std::vector<Objective> objectives;
  std::vector<nlohmann::json::json_pointer> figures;  // further results that are kept
  nlohmann::json sampler;                             // checked: kind, points, seed, ...
};

// Throws InputError with all findings.
SweepFile load_sweep(const std::filesystem::path& file);

}  // namespace anzan::sim
