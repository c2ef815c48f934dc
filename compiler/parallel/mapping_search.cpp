// Tries all divisions; more micro-batches only as long as the batch allows them.
#include "compiler/parallel/mapping_search.hpp"

#include <algorithm>
#include <tuple>

namespace anzan::compiler {

std::vector<MappingCandidate> mapping_candidates(int cores, const ExpectedCycles& expected) {
  std::vector<MappingCandidate> result;
  const auto add = [&](const MappingSizes& sizes) {
    const std::optional<std::int64_t> cycles = expected(sizes);
    if (cycles) result.push_back({sizes, *cycles});
    return cycles.has_value();
  };
  for (int tensor = 1; tensor <= cores; ++tensor) {
    if (cores % tensor != 0) continue;
    for (int pipeline = 1; pipeline <= cores / tensor; ++pipeline) {
      if (cores / tensor % pipeline != 0) continue;
      for (int parts = 1; add({tensor, pipeline, parts}) && pipeline > 1; parts *= 2) {
      }
    }
  }
  const auto key = [](const MappingCandidate& m) {
    return std::tuple(m.expected_cycles, m.sizes.tensor * m.sizes.pipeline, m.sizes.micro_batches);
  };
  std::stable_sort(result.begin(), result.end(),
                   [&](const MappingCandidate& a, const MappingCandidate& b) { return key(a) < key(b); });
  return result;
}

}  // namespace anzan::compiler
