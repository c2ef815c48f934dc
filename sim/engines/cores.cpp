// Makes the cores, and tells each of the others.
#include "sim/engines/cores.hpp"

namespace anzan::sim {

Cores::Cores(int cores, const compiler::ChipParameters& chip, std::int64_t hbm_lines, int threads) {
  std::vector<models::Core*> all;
  for (int c = 0; c < cores; ++c) {
    cores_.push_back(std::make_unique<models::Core>(chip.lanes, chip.scratchpad_kib, hbm_lines, chip.slots));
    all.push_back(cores_.back().get());
  }
  for (const auto& core : cores_) {
    executors_.push_back(std::make_unique<Executor>(*core, threads));
    executors_.back()->join(all);
  }
}

}  // namespace anzan::sim
