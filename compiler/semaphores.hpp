// Orders the units of a core. A program is written as if executed in order; this pass finds which
// instructions really depend on one of another unit (through scratchpad lines or slots) and gives each
// such pair a wait and a signal. Units work in program order, so one counting semaphore for each ordered
// pair of units is enough.
#pragma once
#include <cstdint>
#include <vector>

#include "isa/program.hpp"

namespace anzan::compiler {

// Lines of the scratchpad (or one slot) that an instruction touches.
struct Access {
  enum class Resource { kScratchpad, kSlot } resource = Resource::kScratchpad;
  std::int64_t begin = 0, end = 0;
  bool write = false;
};
std::vector<Access> accesses(const isa::Instruction& instruction, std::int64_t lanes);

void add_semaphores(isa::Program& program, std::int64_t lanes, std::int64_t scratchpad_lines);

}  // namespace anzan::compiler
