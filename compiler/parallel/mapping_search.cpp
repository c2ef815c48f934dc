// Tries all divisions; more micro-batches only as long as the batch allows them.
#include "compiler/parallel/mapping_search.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

namespace anzan::compiler {

namespace {

std::vector<int> divisors(int number) {
  std::vector<int> result;
  for (int d = 1; d <= number; ++d) {
    if (number % d == 0) result.push_back(d);
  }
  return result;
}

}  // namespace

std::vector<MappingCandidate> mapping_candidates(int cores, const ExpectedCycles& expected,
                                                 models::Watch watch) {
  std::vector<MappingCandidate> result;
  const auto add = [&](const MappingSizes& sizes) {
    const std::optional<std::int64_t> cycles = expected(sizes);
    if (cycles) result.push_back({sizes, *cycles});
    return cycles.has_value();
  };
  std::vector<std::pair<int, int>> axes;  // tensor, pipeline
  for (const int tensor : divisors(cores))
    for (const int pipeline : divisors(cores / tensor)) axes.emplace_back(tensor, pipeline);
  watch.begin("trying divisions of the network", static_cast<std::int64_t>(axes.size()));
  for (const auto& [tensor, pipeline] : axes) {
    for (int parts = 1; add({tensor, pipeline, parts}) && pipeline > 1; parts *= 2) watch.done(0);
    watch.done();
  }
  const auto key = [](const MappingCandidate& m) {
    return std::tuple(m.expected_cycles, m.sizes.tensor * m.sizes.pipeline, m.sizes.micro_batches);
  };
  std::stable_sort(result.begin(), result.end(),
                   [&](const MappingCandidate& a, const MappingCandidate& b) { return key(a) < key(b); });
  return result;
}

}  // namespace anzan::compiler
