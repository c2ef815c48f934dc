// SWEEP.json: base, axes, constraints, objectives and sampler, checked.
#pragma once
#include <array>
#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sim/sweep/space.hpp"

namespace anzan::sim {

// A result that is kept: a number at a pointer into Outcome::result, or an expression over axes and such
// numbers.
struct Figure {
  std::string name;
  std::optional<nlohmann::json::json_pointer> pointer;
  std::string expression;  // where there is no pointer
};

struct Objective {
  std::size_t figure = 0;  // of SweepFile::figures
  bool maximise = false;
};

// Words for the measurements, in their order, and for the directions of objectives: the best is least, or
// most.
inline constexpr std::array<std::string_view, 2> kMeasurements{"cost", "training"};
inline constexpr std::array<std::string_view, 2> kDirections{"minimise", "maximise"};

enum class Measurement { kCost, kTraining };  // what is done with a point

struct SweepFile {
  std::string name;  // of the file, without .json, where it says none
  nlohmann::json base;
  std::filesystem::path base_directory;
  Measurement measurement = Measurement::kCost;
  Space space;
  std::vector<std::string> result_constraints;  // expressions that name figures
  std::vector<Figure> figures;                  // those that are pointers first, then the others
  std::vector<Objective> objectives;
  nlohmann::json sampler;  // checked: kind, and every key that the kind takes
};

// Throws InputError with all findings. "-" is standard input.
SweepFile load_sweep(const std::filesystem::path& file);
// The same for what was read; relative paths count from `directory`, `name` is that of the file.
SweepFile parse_sweep(nlohmann::json json, const std::filesystem::path& directory, const std::string& name);

}  // namespace anzan::sim
