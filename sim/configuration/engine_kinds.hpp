// The engines that a configuration can name, and what each can do. Their makers stand in
// sim/engines/engine.cpp, a row for each of these.
#pragma once
#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace anzan::sim {

enum class EngineKind { kFunctional, kCycle, kRtl };

struct EngineTraits {
  EngineKind kind;
  std::string_view name;
  bool has_time;          // says when each instruction is executed
  bool takes_rtl_blocks;  // single blocks in RTL among its models
  bool core_is_rtl;       // the whole of it, which is built for few sizes
  bool writes_waveforms;  // of all signals of its RTL
};
inline constexpr std::array<EngineTraits, 3> kEngines{{
    {EngineKind::kFunctional, "functional", false, false, false, false},
    {EngineKind::kCycle, "cycle", true, true, false, false},
    {EngineKind::kRtl, "rtl", true, false, true, true},
}};
constexpr const EngineTraits& traits(EngineKind kind) { return kEngines[static_cast<std::size_t>(kind)]; }

constexpr bool engines_are_in_order() {
  for (std::size_t k = 0; k < kEngines.size(); ++k)
    if (static_cast<std::size_t>(kEngines[k].kind) != k) return false;
  return true;
}
static_assert(engines_are_in_order(), "one row an engine, in the order of the enum");

// Of all engines, or of those that have an ability.
std::vector<std::string> engine_names(bool EngineTraits::*ability = nullptr);
std::optional<EngineKind> parse_engine(std::string_view name);

}  // namespace anzan::sim
