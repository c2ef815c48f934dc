// What an instruction touches: lines of the scratchpad and of HBM, and what the settings unit keeps of a
// slot. Never less than the instruction really touches, and exactly its lines where the walk has few pieces.
#pragma once
#include <cstdint>
#include <vector>

#include "isa/program.hpp"

namespace anzan::compiler {

struct Access {
  // Reading a tensor uses its slot's point for reading, which `settle` changes. Writing one uses all else of
  // the slot and adds to its statistics, in any order, until `update` takes them.
  // Instructions that must keep their order for another reason all write one number of kOrder.
  enum class Resource { kScratchpad, kHbm, kSlotForReading, kSlotForWriting, kOrder };
  static constexpr std::size_t kResources = 5;
  Resource resource = Resource::kScratchpad;
  std::int64_t begin = 0, end = 0;  // lines; for slots, numbers
  bool write = false;               // accesses that do not write may change places with each other
};

std::vector<Access> accesses(const isa::Instruction& instruction, std::int64_t lanes);

}  // namespace anzan::compiler
