// Technology files: the energies that models/energy.hpp computes with, each with its source.
#pragma once
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "models/energy.hpp"

namespace anzan::sim {

// Names of the technologies that are built in: workloads/technology/.
std::vector<std::string> built_in_technologies();

// `json` stands at the JSON pointer `place` and is the name of a technology that is built in, the path of a
// file (relative to `directory`), or the technology itself, which it then is in any case. Throws InputError
// with all findings: what the schema refuses, components and events that do not exist, energies that are
// missing, sizes of memories that do not ascend.
models::Technology load_technology(nlohmann::json& json, const std::filesystem::path& directory,
                                   const std::string& place);

}  // namespace anzan::sim
