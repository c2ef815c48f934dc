// The block `training.optimizer`: which keys each kind of optimiser takes, and what they are if left out.
#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "compiler/input/input_error.hpp"
#include "compiler/input/parameters.hpp"

namespace anzan::sim {

std::vector<std::string> optimizer_kinds();  // their names

// Reads what the schema allows, but for the learning rate; adds a finding for each key that the kind does not
// use. The keys that it uses and that are missing are filled in. `place` is the JSON pointer of the object.
void merge_optimizer(nlohmann::json& json, compiler::TrainingParameters& training, const std::string& place,
                     std::vector<compiler::InputFinding>& findings);

}  // namespace anzan::sim
