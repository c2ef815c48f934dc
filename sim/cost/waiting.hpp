// What the units of a core did in a clocked run of a program, and what they waited for. Every cycle of every
// unit is counted once: a busy one by the kind of work, an idle one by its cause.
//
// Everything here is a function of a program and its timing; std::invalid_argument names the instruction
// where the two do not fit together.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "isa/units.hpp"
#include "models/program_timing.hpp"

namespace anzan::sim {

// A record for each instruction, 0 <= issued <= started <= worked <= ended <= cycles, issued in program
// order, and in each unit no start before the previous end.
void check_timing(const isa::Program& program, const models::ProgramTiming& timing);

// A semaphore that one instruction raised when it ended and another took when it started.
inline constexpr std::size_t kOtherCore = static_cast<std::size_t>(-1);
struct Handover {
  std::size_t signaller = 0, waiter = 0;  // places in the program; signaller: or kOtherCore
  int semaphore = 0;
  std::int64_t cycle = 0;  // in which it was raised
};

// All semaphores taken, by the place of the waiter and then by number. A semaphore counts, so takes and
// raises are paired first in, first out: by cycle, in one cycle in the order of isa::Unit. A put to `core`,
// the core of this program, raises its remote_signal here, and so do arrivals from other cores; the masks of
// `end` do nothing. Throws also where a semaphore was not raised in a cycle before it was taken.
std::vector<Handover> handovers(const isa::Program& program, const models::ProgramTiming& timing,
                                int core = 0);

enum class Work {
  kCompute,    // tensor: steps; vector: iterations
  kDrain,      // tensor: cycles in which no step can run, because a tile takes longer to leave than to enter
  kOverhead,   // tensor, vector: setup, reading spilled accumulators, pipeline, leaving of the last tile
  kMerge,      // tensor, vector: statistics, with the wait for the database
  kHbm,        // copies from or to HBM
  kCopy,       // copies within the scratchpad
  kTranspose,  // the others: the instruction of that name
  kUpdate,
  kSettle,
  kPut,
  kTake,
  kGive,
};
inline constexpr std::size_t kWorkKinds = 12;
std::string_view name(Work work);

using WorkCycles = std::array<std::int64_t, kWorkKinds>;  // by Work

// The cycles started + 1 to ended of one instruction by kind of work.
WorkCycles work_of(const isa::Instruction& instruction, const models::InstructionTiming& timing);

// Idle cycles before each start. Up to the issue: `queue`, while an instruction before it in the program
// could not be issued because the queue of its unit was full, and `dispatch`, the rest. Then up to the last
// semaphore that was raised `semaphore` (ties go to the unit that comes first in isa::Unit), and a cycle a
// start where nothing else held it, `start`. After the last instruction `end`.
struct IdleCycles {
  std::int64_t dispatch = 0, start = 0, end = 0;
  std::array<std::int64_t, isa::kUnits> semaphore{};  // by the unit that raised it; of the sequencer 0
  std::array<std::int64_t, isa::kUnits> queue{};      // by the unit whose queue was full
};

struct UnitUse {
  isa::Unit unit{};
  WorkCycles busy{};
  IdleCycles idle;
  // The cycles of idle.queue by the instruction, as its place in the program, that the unit with the full
  // queue worked on or waited to start.
  std::map<std::size_t, std::int64_t> held_by;
  std::int64_t busy_cycles() const;
  std::int64_t idle_cycles() const;  // with busy_cycles(), the cycles of the window
};

// The cycles from + 1 to `to` of a run; after its end all units are idle.
struct Window {
  std::int64_t from = 0, to = 0;
};

// dma, tensor, vector, settings, network, also where a unit had nothing to do. An instruction that is partly
// in the window has its kinds of work there in proportion.
std::vector<UnitUse> unit_uses(const isa::Program& program, const models::ProgramTiming& timing, int lanes,
                               const Window& window);
// Of all cycles of the run.
std::vector<UnitUse> unit_uses(const isa::Program& program, const models::ProgramTiming& timing, int lanes);

// One line without an end of line, shares of all cycles in percent, those of no cycle left out:
// "tensor 72.1 % busy (compute 65.0, drain 3.2, overhead 3.9); waits: dma 12.0, queue of dma 13.6, end 2.3"
std::string describe(const UnitUse& use);

}  // namespace anzan::sim
