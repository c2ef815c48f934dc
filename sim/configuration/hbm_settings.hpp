// The configuration's block `chip.hbm`: a preset and what is changed of it.
#pragma once
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "compiler/input/input_error.hpp"
#include "models/hbm_timing.hpp"

namespace anzan::sim {

// `json`, which has passed the schema, has every setting spelt out afterwards. Settings that no memory could
// have for a core of `lanes` lanes become findings at `place`.
models::HbmParameters merge_hbm(nlohmann::json& json, int lanes, const std::string& place,
                                std::vector<compiler::InputFinding>& findings);

}  // namespace anzan::sim
