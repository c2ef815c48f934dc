// See mapping_search.hpp.
#include "sim/configuration/mapping_search.hpp"

#include <algorithm>
#include <optional>
#include <tuple>

#include "compiler/compiler.hpp"

namespace anzan::sim {
namespace {

using Json = nlohmann::json;

std::optional<MappingCandidate> candidate(const Configuration& c, Json system, Json chip, int tensor,
                                          int pipeline, int micro_batches) {
  MappingCandidate result;
  Json& mapping = system["mapping"];
  mapping["tensor"] = tensor;
  mapping["pipeline"] = pipeline;
  mapping["micro_batches"] = micro_batches;
  mapping["automatic"] = false;
  std::vector<compiler::InputFinding> findings;
  result.options = merge_system(system, chip, compiler::gradients_of(c.network, c.precision), findings);
  if (!findings.empty()) return {};
  try {
    result.expected_cycles =
        compiler::compile(c.network, c.precision, c.parameters, c.chip, result.options.parameters)
            .expected_step_cycles;
  } catch (const compiler::InputError&) {
    return {};  // more stages than layers, images that do not divide
  }
  result.system = std::move(system);
  return result;
}

}  // namespace

std::vector<MappingCandidate> mapping_candidates(const Configuration& c, const Json& system,
                                                 const Json& chip) {
  const int cores = c.system.cores();
  std::vector<MappingCandidate> result;
  const auto add = [&](int tensor, int pipeline, int micro_batches) {
    auto found = candidate(c, system, chip, tensor, pipeline, micro_batches);
    if (found) result.push_back(std::move(*found));
    return found.has_value();
  };
  for (int tensor = 1; tensor <= cores; ++tensor) {
    if (cores % tensor != 0) continue;
    for (int pipeline = 1; pipeline <= cores / tensor; ++pipeline) {
      if (cores / tensor % pipeline != 0) continue;
      for (int parts = 1; add(tensor, pipeline, parts) && pipeline > 1; parts *= 2) {
      }
    }
  }
  const auto key = [](const MappingCandidate& m) {
    const compiler::Mapping& mapping = m.options.parameters.mapping;
    return std::tuple(m.expected_cycles, mapping.tensor.size * mapping.pipeline.size, mapping.micro_batches);
  };
  std::stable_sort(result.begin(), result.end(),
                   [&](const MappingCandidate& a, const MappingCandidate& b) { return key(a) < key(b); });
  return result;
}

}  // namespace anzan::sim
