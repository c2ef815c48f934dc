// The cores in turn, each up to a wait on a semaphore that another has yet to raise.
#include "sim/engines/functional_engine.hpp"

#include <algorithm>

namespace anzan::sim {

std::optional<models::clocked::SystemTiming> FunctionalEngine::run(std::vector<LoadedProgram>& programs,
                                                                   Cores& cores) {
  std::vector<std::size_t> next(programs.size(), 0);
  std::vector<bool> ended(programs.size(), false);
  const auto running = [&] { return std::find(ended.begin(), ended.end(), false) - ended.begin(); };
  while (running() != static_cast<std::ptrdiff_t>(programs.size())) {
    bool any = false;
    for (std::size_t c = 0; c < programs.size(); ++c) {
      if (ended[c]) continue;
      const std::size_t before = next[c];
      ended[c] = cores.executor(static_cast<int>(c)).run_from(programs[c], next[c]);
      any = any || next[c] != before;
    }
    if (any) continue;
    const auto core = static_cast<std::size_t>(running());
    isa::ProgramError::Place place;
    place.instruction = next[core];
    place.field = "wait";
    throw isa::ProgramError(place, "semaphores of core " + std::to_string(core) + " that stay zero",
                            "semaphores that other instructions raise");
  }
  return {};
}

}  // namespace anzan::sim
