// The parts of a configuration that decide what a program costs, and nothing of what it computes.
#pragma once
#include <cstdint>

#include "models/clocked/core.hpp"
#include "models/energy.hpp"

namespace anzan::sim {

struct CostOptions {
  models::clocked::CoreParameters core;
  double clock_ghz = 1;
  std::int64_t scratchpad_kib = 2048;
  models::Technology technology;
};

}  // namespace anzan::sim
