// In which order the segments of an exchange go through the network: a simulation of its links and of HBM,
// each with one message or copy at a time, first come first served.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

namespace anzan::compiler {

// What a segment does, one after the other.
struct ExchangeTask {
  static constexpr int kAlone = -1, kMemory = -2;
  int link = kAlone;             // that it goes over, or kMemory; others have what they need to themselves
  std::int64_t lead_cycles = 0;  // before it needs the link
  std::int64_t busy_cycles = 0;  // of the link
  std::int64_t more_cycles = 0;  // until the next can begin; the same for all that go over one link
};

struct SegmentPlan {
  std::int64_t ready = 0;  // the first cycle in which it can begin
  int need = 0;            // of several that could begin, the lowest does
  std::vector<ExchangeTask> tasks;
};

// One task. Tasks stand in the order in which they can begin, get their links, and end on each of them.
struct PlannedTask {
  std::size_t segment, task;
  std::size_t place;                // of those for segments under way
  std::int64_t possible, finished;  // cycles
};

// At most `places` segments are under way at once.
std::vector<PlannedTask> plan_exchange(const std::vector<SegmentPlan>& segments, std::size_t places);

}  // namespace anzan::compiler
