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
  // What raises a semaphore in other cores does so in one order, and so does what takes it here.
  // Instructions that must keep their order for another reason all write one number of kOrder, of those that
  // Listing::take_orders gives.
  enum class Resource {
    kScratchpad,
    kHbm,
    kSlotForReading,
    kSlotForWriting,
    kRaisedElsewhere,
    kTaken,
    kOrder,
  };
  static constexpr std::size_t kResources = 7;
  Resource resource = Resource::kScratchpad;
  std::int64_t begin = 0, end = 0;  // lines; for slots and orders, numbers; for semaphores, their masks
  bool write = false;               // accesses that do not write may change places with each other
};

std::vector<Access> accesses(const isa::Instruction& instruction, std::int64_t lanes);

// Of lines of the scratchpad.
inline Access touching(std::int64_t first_line, std::int64_t lines, bool write) {
  return {Access::Resource::kScratchpad, first_line, first_line + lines, write};
}
// Accesses that keep the order: of what raises a semaphore in other cores, of what takes it here, of all that
// have the same number.
inline Access raising(std::uint32_t semaphore) {
  return {Access::Resource::kRaisedElsewhere, semaphore, std::int64_t{semaphore} + 1, true};
}
inline Access taking(std::uint32_t semaphore) {
  return {Access::Resource::kTaken, semaphore, std::int64_t{semaphore} + 1, true};
}
inline Access ordered(std::int64_t number, bool write = true) {
  return {Access::Resource::kOrder, number, number + 1, write};
}
// Of a slot: rows of its tensor are read, or written by instructions that may change places with each other.
inline Access reading_slot(int slot) { return {Access::Resource::kSlotForReading, slot, slot + 1, false}; }
inline Access writing_slot(int slot) { return {Access::Resource::kSlotForWriting, slot, slot + 1, false}; }

}  // namespace anzan::compiler
