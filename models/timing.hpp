// Cycle formulas: how long the units of a core take for an instruction. Durations follow from the descriptor
// alone, never from values; the clocked models, the compiler and the RTL are held to them.
//
// Cycle S starts an instruction (its semaphores are taken), cycle E ends it (its semaphores are raised, seen
// from E + 1 on). W is the cycle of its last write; where it merges statistics, E = W + merge cycles, else W.
#pragma once
#include <cstdint>

#include "isa/isa_generated.hpp"

namespace anzan::models {

// Cycles in which the sequencer reads an instruction from program memory, a line of L words each.
std::int64_t fetch_cycles(const isa::Instruction& instruction, int lanes);

// A sequence of blocks that go through a double-buffered stage: a block enters in `in` cycles and leaves in
// `out` cycles, while the next one enters. From the first cycle of entering to the last of leaving, without
// what the pipeline between adds: in + (blocks - 1) max(in, out) + out.
struct BlockPipeline {
  std::int64_t blocks = 1, in = 1, out = 1;
  std::int64_t cycles() const { return in + (blocks - 1) * (in > out ? in : out) + out; }
};

// A tile enters by reading its start (`spill`: a line a row, for integers two) and then one step a cycle; it
// leaves a row a cycle, as a spill with integers in two.
struct TensorTiming {
  BlockPipeline tiles;
  std::int64_t start = 0, steps = 0;  // in = start + steps, at least 2
};
TensorTiming tensor_timing(const isa::Tensor& t);

BlockPipeline transpose_timing(const isa::Transpose& t);  // blocks of src_rows in and dst_rows out

std::int64_t iterations(const std::array<std::uint16_t, isa::kLoops>& loops, int first, int last);

// Whether the instruction adds to the statistics database when it ends.
bool merges(const isa::Instruction& instruction);

// Whether HBM takes part, so that the duration is not a formula.
bool uses_hbm(const isa::Instruction& instruction);

// W - S. For a copy from or to HBM: what it would be if HBM answered in the cycle of the request.
std::int64_t work_cycles(const isa::Instruction& instruction);

// The statistics database works a line a cycle, for one unit at a time.
inline constexpr int kDatabaseLines = isa::kStatisticsLines;
inline constexpr int kMergeCycles =
    kDatabaseLines + 1;  // the last line is written back a cycle after its read

// `update`, counted from S: reads the entry (from S + 1 on), looks at one bin a cycle, decides, and writes
// the entry back; E - S if nobody else uses the database.
inline constexpr int kScanCycles = isa::kHistogramBins + isa::kOptimiserDecisionCycles;
inline constexpr int kUpdateCycles = 2 * kMergeCycles + kScanCycles;
inline constexpr int kSettleCycles = 2;

// `take` and `give`: a pass through the database, and so many words of the scratchpad a cycle; what is read
// there is there a cycle later.
inline constexpr int kCounterMoveWords = isa::kCounterMoveWords;
inline constexpr int kCounterMoveCycles = kDatabaseLines * isa::kCountersPerLine / kCounterMoveWords;
inline constexpr int kTakeCycles = kMergeCycles + kCounterMoveCycles;
inline constexpr int kGiveCycles = kCounterMoveCycles + 1 + kMergeCycles;

// E - S if nobody else uses the database and HBM answers at once: what the compiler schedules by.
std::int64_t estimated_cycles(const isa::Instruction& instruction);

}  // namespace anzan::models
