// Looks engines up by name and ability.
#include "sim/configuration/engine_kinds.hpp"

namespace anzan::sim {

std::vector<std::string> engine_names(bool EngineTraits::*ability) {
  std::vector<std::string> names;
  for (const EngineTraits& engine : kEngines)
    if (ability == nullptr || engine.*ability) names.emplace_back(engine.name);
  return names;
}

std::optional<EngineKind> parse_engine(std::string_view name) {
  for (const EngineTraits& engine : kEngines)
    if (engine.name == name) return engine.kind;
  return {};
}

}  // namespace anzan::sim
