// A preset that is set where another stood (`--set`).
#pragma once
#include <nlohmann/json.hpp>

#include "sim/configuration/json_input.hpp"

namespace anzan::sim {

// A preset says what is not said beside it: in a configuration that a run has written all is. Throws
// compiler::InputError if `change` sets the preset of precision or HBM in `json`, which need not be right,
// and changes nothing.
void check_preset(const nlohmann::json& json, const Override& change);

}  // namespace anzan::sim
