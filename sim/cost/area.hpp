// What cores take in area: the logic of rtl/ as it was synthesised (workloads/area/), memories by their bits.
#pragma once
#include <cstdint>
#include <nlohmann/json.hpp>

namespace anzan::sim {

struct AreaOfCores {
  int lanes = 16;
  std::int64_t scratchpad_kib = 2048;
  int slots = 1024;
  std::int64_t cores = 1;
};

// `area` of result.json: of all cores together. HBM, links and what joins cores are besides.
nlohmann::json area_to_json(const AreaOfCores& sizes);

}  // namespace anzan::sim
