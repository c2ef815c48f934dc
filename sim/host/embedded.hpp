// Files that are part of the program: schemas and precision presets, so that it runs anywhere.
#pragma once
#include <map>
#include <string>

namespace anzan::sim {

// Text of each file by folder and name, e.g. "configuration/config.schema.json", "precision/int8.json".
const std::map<std::string, std::string>& embedded_files();

}  // namespace anzan::sim
