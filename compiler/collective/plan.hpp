// In which order segments go through the network: a simulation of its links, of the units and of HBM, each
// with one message or copy at a time, first come first served.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace anzan::compiler {

inline constexpr std::size_t kNoTask = static_cast<std::size_t>(-1);

// What a segment does. It has what it needs to itself, or a link, or one of the resources that have negative
// numbers.
struct PlanTask {
  static constexpr int kAlone = -1, kMemory = -2, kVector = -3;
  int link = kAlone;
  std::int64_t lead_cycles = 0;      // before it needs the link
  std::int64_t busy_cycles = 0;      // of the link
  std::int64_t packets = 0;          // of a message
  std::int64_t more_cycles = 0;      // until others can follow; the same for all that go over one link
  std::vector<std::size_t> after{};  // earlier tasks of the segment that have ended before
  // Of a message into a place that is used again: the task that says that it is free, and the semaphore by
  // which it does. Nothing else follows that task.
  std::size_t credit = kNoTask;
  std::uint32_t credit_semaphore = 0;
};

struct SegmentPlan {
  std::int64_t ready = 0;                              // the first cycle in which it can begin
  int need = 0;                                        // of several that could begin, the lowest does
  std::size_t kind = 0;                                // of place that it wants
  std::shared_ptr<const std::vector<PlanTask>> tasks;  // at least one
};

// One task. Tasks stand in the order in which they can begin, get their links, and end on each of them; but
// those that say that a place is free stand, for each semaphore, in the order of the messages that wait for
// them, and before these.
struct PlannedTask {
  std::size_t segment, task;
  std::size_t place;                // of those of its kind
  std::int64_t possible, finished;  // cycles
};

// At most so many segments of each kind are under way at once, and so many packets on each link before the
// first of them is answered, as much later as it took to arrive; 0: any number.
std::vector<PlannedTask> plan_segments(const std::vector<SegmentPlan>& segments,
                                       const std::vector<std::size_t>& places, int buffer_packets = 0);

}  // namespace anzan::compiler
