// What cores that have parts of one network count in a step becomes what all have counted that use a slot:
// they sum around the tensor axis where they count different values, and stages that have a tensor but do
// not write it get the counters of the one that does. Counters are taken out of the statistics database, and
// given back. (Cores that have other images sum in the exchange.)
#pragma once
#include <cstdint>
#include <vector>

#include "compiler/lowering/lowering.hpp"
#include "compiler/parallel/road.hpp"

namespace anzan::compiler {

// A slot with a binary point. The values of a tensor are written, and counted, in one stage alone.
struct CountedSlot {
  int slot = 0, stage = 0;
  bool forward = false;  // what is counted of it in a step is complete before the step goes back
  bool differs = false;  // along the tensor axis
  Range stages{0, 0};    // that have the tensor, or pass it on
};
// In the order in which what a step counts is complete. `stages`: the graph of each.
std::vector<CountedSlot> counted_slots(const std::vector<const Graph*>& stages, const std::vector<Op>& ops);
// Those that must be summed around the tensor axis in a stage, and those whose counters go from a stage to
// one beside it.
std::vector<int> summed_slots(const std::vector<CountedSlot>& all, int stage, bool forward);
std::vector<int> passed_slots(const std::vector<CountedSlot>& all, int from, int to);

// Counters in messages of at most `lines` lines; at least those of one slot.
std::vector<std::vector<int>> counter_messages(const std::vector<int>& slots, std::int64_t lines,
                                               std::int64_t lanes);

// One message: the counters of every core of the axis go once around the ring, and each adds what comes by.
// `own`: the first of as many lines of the scratchpad.
void sum_counters(Lowering& low, const std::vector<int>& slots, Road& ring, std::int64_t own);
// From stage to stage; `own`: likewise, where they are sent.
void pass_counters(Lowering& from, Lowering& to, const std::vector<int>& slots, Road& road, std::int64_t own);

}  // namespace anzan::compiler
