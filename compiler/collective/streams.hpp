// Sums and gathers around rings that are longer than the scratchpad is large: of each segment, only what is
// being summed, or has just arrived, lies there.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "compiler/collective/plan.hpp"
#include "compiler/collective/program.hpp"
#include "compiler/collective/semaphores.hpp"
#include "compiler/collective/sum_over_cores.hpp"
#include "compiler/instructions/moves.hpp"

namespace anzan::compiler {

// Places where messages arrive in turn. They are given back in pairs: so what says that two are free can be
// under way as long as a message.
inline constexpr std::int64_t kStreamArrivals = 4;

// An instruction of a segment.
struct SegmentPart {
  isa::Instruction instruction;    // as core 0 has it
  Exchanged exchanged;             // but for cause and lag
  std::vector<std::size_t> after;  // parts that have ended before; of puts, whose messages have arrived
  std::size_t cause = kNoTask;     // the put whose arrival it takes; it is one of `after`
  bool credit = false;             // a put that says that a place is free
};

// A segment that streams. Its first dimension moves chunks; in between, a core's own chunk is summed, or
// gathered, in the others.
struct Stream {
  CollectiveKind kind = CollectiveKind::kAllReduce;  // all_reduce, reduce_scatter, or all_gather
  Way way;                                           // dimensions of more than one core
  const ArrivalSemaphores* semaphores = nullptr;     // of the way
  std::uint32_t credit = 0;
  std::int64_t chunk = 1;      // lines
  std::int64_t line = 0;       // of its place in the scratchpad
  std::int64_t free_line = 0;  // that nobody reads
  bool fresh = false;          // no core has used the place before
  Summed what;
  // Line in HBM of the chunk that lies so many places after the core's own in its ring, and how it lies
  // there: loops of a load. What is stored goes so many lines on.
  std::function<std::int64_t(int core, std::int64_t offset)> in_memory;
  std::vector<CopyLevel> levels;
  std::int64_t store_shift = 0;
  // Likewise of the core's own piece of its own chunk; all_reduce needs none.
  std::function<std::int64_t(int core)> own_in_memory;
};
// Places of a chunk's length that it has in the scratchpad.
std::int64_t stream_chunks(const Way& way);
// How far from its beginning a ring has the chunk that lies so many places after the core's own.
std::int64_t ring_position(const Dimension& ring, int core, std::int64_t offset);
// Parts stand in an order in which each comes after those that it waits for. Copies do not say what they
// touch in HBM.
std::vector<SegmentPart> stream_parts(const Stream& stream);
// The rounds of a sum, each part after the one before.
std::vector<SegmentPart> one_by_one(std::vector<Round> rounds);
// For the plan: one task for each part.
std::vector<PlanTask> segment_tasks(const std::vector<SegmentPart>& parts, const ExchangeParameters& exchange,
                                    std::int64_t line_bytes);

// Those of more than one core.
Way long_only(const Way& way);
// The semaphores that it needs on these ways.
std::size_t stream_semaphores(const std::vector<Way>& ways);

}  // namespace anzan::compiler
