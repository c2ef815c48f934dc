// The configuration's `precision` block: presets, defaults, tensor classes and layers merged into one
// setting for each class and each overridden layer.
#pragma once
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "compiler/compiler.hpp"
#include "compiler/input/input_error.hpp"

namespace anzan::sim {

// The presets that are built in: "fp32", "int16", …
nlohmann::json precision_preset(const std::string& name);

// Merges and checks; `json` has passed the schema. Each level changes only the keys it names: the
// preset's default and classes, then `default`, then the class, then the layer's default and class.
// A format without a width takes the width of the format. `json` is replaced by the effective block.
compiler::Precision merge_precision(nlohmann::json& json, const compiler::Network& network,
                                    const std::string& place, std::vector<compiler::InputFinding>& findings);

}  // namespace anzan::sim
