// The makers of the engines, a row for each kind.
#include "sim/engines/engine.hpp"

#include <stdexcept>

#include "sim/engines/cycle_engine.hpp"
#include "sim/engines/functional_engine.hpp"
#include "sim/engines/mixed_engine.hpp"
#include "sim/engines/rtl_engine.hpp"

namespace anzan::sim {
namespace {

using Made = std::unique_ptr<Engine>;

struct Maker {
  EngineKind kind;
  Made (*make)(const Configuration& configuration, int slots);
};

Made make_functional(const Configuration&, int) { return std::make_unique<FunctionalEngine>(); }

Made make_cycle(const Configuration& c, int slots) {
  if (c.engine.rtl.empty()) return std::make_unique<CycleEngine>(c.cost.core, c.system);
  return std::make_unique<MixedEngine>(c.cost.core, c.engine.rtl, slots);
}

Made make_rtl(const Configuration& c, int slots) {
  return std::make_unique<RtlEngine>(c.cost.core, c.system, slots);
}

constexpr Maker kMakers[] = {
    {EngineKind::kFunctional, make_functional},
    {EngineKind::kCycle, make_cycle},
    {EngineKind::kRtl, make_rtl},
};
constexpr bool makers_are_in_order() {
  std::size_t number = 0;
  for (const Maker& maker : kMakers) {
    if (number == kEngines.size() || maker.kind != kEngines[number++].kind) return false;
  }
  return number == kEngines.size();
}
static_assert(makers_are_in_order(), "a maker for each engine of kEngines, in their order");

}  // namespace

void Engine::wave(const std::string&) { throw std::logic_error("this engine writes no waveforms"); }

Made make_engine(const Configuration& configuration, int slots) {
  return kMakers[static_cast<std::size_t>(configuration.engine.kind)].make(configuration, slots);
}

}  // namespace anzan::sim
