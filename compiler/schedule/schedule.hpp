// The order of a program's instructions. Lowering writes operation after operation, tile after tile; here
// instructions change places so that all units of a core work at once. Each is only moved, never changed, and
// none passes one that it depends on: the scheduled program means what the written one means, to the bit.
#pragma once
#include <cstdint>
#include <vector>

#include "compiler/instructions/listing.hpp"
#include "compiler/schedule/dependencies.hpp"
#include "models/program_timing.hpp"
#include "models/work_observer.hpp"

namespace anzan::compiler {

// List scheduling (R. L. Graham, 1966) on the cycle formulas of the units: at each point in time an idle unit
// takes the most urgent instruction among those that could start. Urgent is what has the longest path to the
// end; then, in a second pass, what a schedule of the reversed program shows to be (double justification,
// Valls, Ballestin and Quintanilla, 2005). Returns the numbers of the instructions in the order of their
// starts; deterministic; n log n.
struct Order {
  std::vector<std::int32_t> numbers;
  std::int64_t cycles = 0;  // that the schedule takes
};
Order list_schedule(const Listing& listing, const Dependencies& dependencies, models::Watch watch = {});

// Brings the program and its regions into that order, gives each stage its own part of it and writes waits
// and signals. All stages have one order that no instruction or arrival contradicts, so that they cannot wait
// for each other forever.
std::vector<Listing> schedule(Listing listing, std::int64_t lanes, models::Watch watch = {});
// So many units of work, as the watch counts them.
std::int64_t units_of_schedule(const Listing& listing);

// How long its unit is busy with an instruction, HBM included.
std::int64_t expected_cycles(const isa::Instruction& instruction);

// When a core would start and end each instruction of a program with its semaphores, in cycles. HBM has one
// latency and one rate, and the statistics database is never busy.
inline constexpr int kQueueDepth = 8;
models::ProgramTiming estimate(const isa::Program& program, int lanes, int queue_depth = kQueueDepth);

}  // namespace anzan::compiler
