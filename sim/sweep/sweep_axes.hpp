// The axes of SWEEP.json, with the values of each level.
#pragma once
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "compiler/input/input_error.hpp"
#include "sim/sweep/space.hpp"

namespace anzan::sim {

// Reads `axes`, which has passed the schema: the keys of the configuration that it names must be known, and
// their values allowed. What is wrong is added to `findings`, with places below `place`.
std::vector<Axis> read_axes(const nlohmann::json& axes, const std::string& place,
                            std::vector<compiler::InputFinding>& findings);

// Adds a finding for each axis that sets what `base` has no place for: elements of arrays that are not there,
// keys of what is no object. `directory`: what relative paths in `base` count from.
void check_places(const std::vector<Axis>& axes, const nlohmann::json& base,
                  const std::filesystem::path& directory, const std::string& place,
                  std::vector<compiler::InputFinding>& findings);

}  // namespace anzan::sim
