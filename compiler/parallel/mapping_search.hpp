// The search for the division of a network among the cores of a system that should be fastest.
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "models/work_observer.hpp"

namespace anzan::compiler {

// What the search is free to choose of a Mapping; the data axis has the cores that are left.
struct MappingSizes {
  int tensor = 1, pipeline = 1, micro_batches = 1;
};

// Cycles of a step of a network that is divided so, as the scheduler imagines it; none where the network, its
// batch or the system cannot be divided so.
using ExpectedCycles = std::function<std::optional<std::int64_t>(const MappingSizes&)>;

struct MappingCandidate {
  MappingSizes sizes;
  std::int64_t expected_cycles = 0;
};

// Every division of `cores` cores into tensor, pipeline and data axes, with micro-batches in powers of two,
// that can be: that which should be fastest first, of equals that which divides least.
std::vector<MappingCandidate> mapping_candidates(int cores, const ExpectedCycles& expected,
                                                 models::Watch watch = {});

}  // namespace anzan::compiler
