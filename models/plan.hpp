// What all planned instructions have: how many iterations they run and whether these may run in any order.
#pragma once
#include <cstdint>

#include "isa/isa_generated.hpp"
#include "models/core.hpp"

namespace anzan::models {

// Sizes that an instruction is checked against.
struct MemorySizes {
  int lanes;
  std::int64_t scratchpad_lines, hbm_lines;
  int slots;
  explicit MemorySizes(const Core& core)
      : lanes(core.lanes()),
        scratchpad_lines(core.lines(isa::Space::kScratchpad)),
        hbm_lines(core.lines(isa::Space::kHbm)),
        slots(core.settings.size()) {}
  std::int64_t lines(isa::Space space) const {
    return space == isa::Space::kHbm ? hbm_lines : scratchpad_lines;
  }
};

// Throws InstructionError for an instruction that names a slot that is not there.
void check_slots(const isa::Instruction& instruction, const MemorySizes& sizes);

struct Plan {
  std::int64_t iterations = 0;
  double work = 0;           // of one iteration, roughly in clock cycles of the host
  bool independent = false;  // surely: no iteration reads or writes what another writes
};

}  // namespace anzan::models
