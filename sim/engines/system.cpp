// See system.hpp.
#include "sim/engines/system.hpp"

#include <algorithm>
#include <stdexcept>

namespace anzan::sim {
System::System(int cores, const compiler::ChipParameters& chip, std::int64_t hbm_lines, int threads) {
  std::vector<models::Core*> all;
  for (int c = 0; c < cores; ++c) {
    cores_.push_back(std::make_unique<models::Core>(chip.lanes, chip.scratchpad_kib, hbm_lines));
    all.push_back(cores_.back().get());
  }
  for (const auto& core : cores_) {
    values_.push_back(std::make_unique<FunctionalEngine>(*core, threads));
    values_.back()->join(all);
  }
}

void System::run(std::vector<LoadedProgram>& programs) {
  std::vector<std::size_t> next(programs.size(), 0);
  std::vector<bool> ended(programs.size(), false);
  const auto running = [&] { return std::find(ended.begin(), ended.end(), false) - ended.begin(); };
  while (running() != static_cast<std::ptrdiff_t>(programs.size())) {
    bool any = false;
    for (std::size_t c = 0; c < programs.size(); ++c) {
      if (ended[c]) continue;
      const std::size_t before = next[c];
      ended[c] = values_[c]->run_from(programs[c], next[c]);
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
}

}  // namespace anzan::sim
