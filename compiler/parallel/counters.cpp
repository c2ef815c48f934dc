// A message is the counters of several slots, one after the other.
#include "compiler/parallel/counters.hpp"

#include <algorithm>
#include <map>
#include <stdexcept>
#include <utility>

#include "compiler/collective/sum_over_cores.hpp"
#include "compiler/instructions/narrow.hpp"
#include "models/counter_moves.hpp"

namespace anzan::compiler {
namespace {

// From the first to the last stage that has a tensor of a slot, by slot.
std::map<int, Range> stages_by_slot(const std::vector<const Graph*>& stages) {
  std::map<int, Range> of_slot;
  for (std::size_t s = 0; s < stages.size(); ++s) {
    const auto stage = static_cast<std::int64_t>(s);
    for (const TensorInfo& t : stages[s]->tensors) {
      if (t.hbm_line >= 0) of_slot.try_emplace(t.slot, Range{stage, stage}).first->second.end = stage + 1;
    }
  }
  return of_slot;
}

// Moves the counters of every slot, `Move` by `Move`, between the statistics database and the lines from
// this one on.
template <class Move, class Emit>
void move_counters(const std::vector<int>& slots, std::int64_t line, std::int64_t lanes, const Emit& emit) {
  for (const int slot : slots) {
    emit(Move{0, 0, narrow<std::uint16_t>(slot, "a slot"), narrow<std::uint32_t>(line, "an address")});
    line += models::counter_lines(lanes);
  }
}

void take(Lowering& low, const std::vector<int>& slots, std::int64_t line) {
  move_counters<isa::Take>(slots, line, low.lanes(), [&](const isa::Take& t) { low.emit(t); });
}
void give(Lowering& low, const std::vector<int>& slots, std::int64_t line) {
  move_counters<isa::Give>(slots, line, low.lanes(), [&](const isa::Give& g) { low.emit(g); });
}

std::int64_t lines_of(const std::vector<int>& slots, const Lowering& low) {
  return static_cast<std::int64_t>(slots.size()) * models::counter_lines(low.lanes());
}

}  // namespace

std::vector<CountedSlot> counted_slots(const std::vector<const Graph*>& stages, const std::vector<Op>& ops) {
  const std::map<int, Range> stages_of = stages_by_slot(stages);
  std::vector<CountedSlot> all;
  std::map<int, std::size_t> last;  // by slot: its place in `all`
  for (const Op& op : ops) {
    const Graph& g = *stages[static_cast<std::size_t>(op.stage)];
    if (op.kind == OpKind::kTransfer) continue;
    for (const int slot : written_slots(g, op)) {
      const CountedSlot counted{slot, op.stage, op.phase == Phase::kForward, g.slot(slot).differs,
                                stages_of.at(slot)};
      const auto [found, is_new] = last.try_emplace(slot, all.size());
      if (!is_new) {  // of the images of an earlier micro-batch
        CountedSlot& earlier = all[std::exchange(found->second, all.size())];
        if (earlier.stage != op.stage || earlier.forward != counted.forward)
          throw std::logic_error(g.slot(slot).name + ": counted in two stages or directions");
      }
      all.push_back(counted);
    }
  }
  std::vector<CountedSlot> complete;
  for (std::size_t k = 0; k < all.size(); ++k) {
    if (last.at(all[k].slot) == k) complete.push_back(all[k]);
  }
  return complete;
}

std::vector<int> summed_slots(const std::vector<CountedSlot>& all, int stage, bool forward) {
  std::vector<int> slots;
  for (const CountedSlot& c : all) {
    if (c.stage == stage && c.forward == forward && c.differs) slots.push_back(c.slot);
  }
  return slots;
}

std::vector<int> passed_slots(const std::vector<CountedSlot>& all, int from, int to) {
  std::vector<int> slots;
  for (const CountedSlot& c : all) {
    const bool away = from < to ? c.stage <= from : c.stage >= from;
    if (away && c.stages.begin <= to && to < c.stages.end) slots.push_back(c.slot);
  }
  return slots;
}

std::vector<std::vector<int>> counter_messages(const std::vector<int>& slots, std::int64_t lines,
                                               std::int64_t lanes) {
  const auto most = static_cast<std::ptrdiff_t>(lines / models::counter_lines(lanes));
  std::vector<std::vector<int>> messages;
  for (auto first = slots.begin(); first != slots.end();) {
    const auto end = first + std::min(most, slots.end() - first);
    messages.emplace_back(first, end);
    first = end;
  }
  return messages;
}

void sum_counters(Lowering& low, const std::vector<int>& slots, Road& ring, std::int64_t own) {
  const std::int64_t lines = lines_of(slots, low);
  take(low, slots, own);
  ring.put(
      low, [own](int) { return own; }, {own, own + lines}, lines);
  const int cores = low.graph().system.mapping.tensor.size;
  for (int r = 1; r < cores; ++r) {
    const isa::Instruction sum =
        adding_lines(own, ring.landing_line(), lines,
                     {isa::Format::kFp32, kConstantSlot, low.lanes(), isa::VectorOp::kUadd});
    Exchanged e;
    e.touches = accesses(sum, low.lanes());
    if (r + 1 < cores) {
      ring.forward(low, lines);
      low.emit(sum, std::move(e));
    } else {
      ring.take(low, sum, std::move(e));
    }
    ring.release(low);
  }
  give(low, slots, own);
}

void pass_counters(Lowering& from, Lowering& to, const std::vector<int>& slots, Road& road,
                   std::int64_t own) {
  const std::int64_t lines = lines_of(slots, from);
  take(from, slots, own);
  road.put(
      from, [own](int) { return own; }, {own, own + lines}, lines);
  give(from, slots, own);
  bool arrived = false;
  move_counters<isa::Give>(slots, road.landing_line(), to.lanes(), [&](const isa::Give& g) {
    Exchanged e;
    e.touches = accesses(g, to.lanes());
    if (arrived) {
      to.emit(g, std::move(e));
    } else {
      road.take(to, g, std::move(e));
    }
    arrived = true;
  });
  road.release(to);
}

}  // namespace anzan::compiler
