// What all planned instructions have: how many iterations they run and whether these may run in any order.
#pragma once
#include <cstdint>

#include "isa/isa_generated.hpp"
#include "models/core.hpp"

namespace anzan::models {

// Sizes that an instruction is checked against.
struct MemorySizes {
  static constexpr std::int64_t kLargeMemoryBytes = std::int64_t{16} << 20;
  int lanes;
  std::int64_t scratchpad_lines, hbm_lines;
  int slots;
  // Whether instructions of the units may have addresses beyond the scratchpad: its lines are then followed
  // by those of HBM, as in a core.
  bool hbm_follows = false;
  explicit MemorySizes(const Core& core)
      : lanes(core.lanes()),
        scratchpad_lines(core.lines(isa::Space::kScratchpad)),
        hbm_lines(core.lines(isa::Space::kHbm)),
        slots(core.settings.size()) {}
  std::int64_t lines(isa::Space space) const {
    return space == isa::Space::kHbm ? hbm_lines : scratchpad_lines;
  }
  // That the units reach.
  std::int64_t unit_lines() const { return scratchpad_lines + (hbm_follows ? hbm_lines : 0); }
  // Whether what is written in HBM is not in the host's caches any more when it is read again.
  bool hbm_leaves_caches() const { return hbm_lines * 4 * lanes > kLargeMemoryBytes; }
};

// Throws InstructionError for an instruction that names a slot that is not there.
void check_slots(const isa::Instruction& instruction, const MemorySizes& sizes);

struct Plan {
  std::int64_t iterations = 0;
  double work = 0;           // of one iteration, roughly in clock cycles of the host
  bool independent = false;  // surely: no iteration reads or writes what another writes
};

}  // namespace anzan::models
