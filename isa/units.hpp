// The units of a core, and their numbers where arrays and masks count them.
#pragma once
#include <array>
#include <cstddef>

#include "isa/program.hpp"

namespace anzan::isa {

// All, in the order of Unit; the sequencer is the first.
inline constexpr auto kUnits = static_cast<std::size_t>(kUnitInfo.size);
constexpr std::size_t unit_number(Unit unit) { return static_cast<std::size_t>(unit); }

// Those that work, each with a queue: all but the sequencer, numbered from 0 in the same order.
inline constexpr std::size_t kWorkers = kUnits - 1;
static_assert(unit_number(Unit::kSequencer) == 0, "workers are counted from the unit after the sequencer");
template <class T>
using PerWorker = std::array<T, kWorkers>;
inline bool works(const Instruction& instruction) { return unit(instruction) != Unit::kSequencer; }
constexpr std::size_t worker_number(Unit unit) { return unit_number(unit) - 1; }
inline std::size_t worker_number(const Instruction& instruction) { return worker_number(unit(instruction)); }
constexpr Unit worker(std::size_t number) { return static_cast<Unit>(number + 1); }

}  // namespace anzan::isa
