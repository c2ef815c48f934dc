// Accounts for the cycles of each unit in one walk through the program.
#include "sim/cost/waiting.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <numeric>
#include <stdexcept>
#include <tuple>
#include <variant>

#include "models/timing.hpp"

namespace anzan::sim {
namespace {

bool ends_program(const isa::Instruction& instruction) {
  return isa::unit(instruction) == isa::Unit::kSequencer;
}

[[noreturn]] void fail(std::size_t place, const std::string& what) {
  throw std::invalid_argument(fmt::format("timing of instruction {}: {}", place, what));
}

// A change of a semaphore: the cycle, and the instruction. A unit starts and ends one in a cycle at most.
struct Change {
  std::int64_t cycle;
  isa::Unit unit;
  std::size_t place;
  friend bool operator<(const Change& v, const Change& w) {
    return std::tie(v.cycle, v.unit, v.place) < std::tie(w.cycle, w.unit, w.place);
  }
};
using Changes = std::array<std::vector<Change>, isa::kSemaphores>;

void add(Changes& changes, std::uint32_t mask, const Change& change) {
  for (std::size_t s = 0; s < changes.size(); ++s)
    if ((mask >> s & 1) != 0) changes[s].push_back(change);
}

// A unit takes and raises its semaphores in the order of the program: mostly nothing is to be done.
void sort(std::vector<Change>& changes) {
  if (!std::is_sorted(changes.begin(), changes.end())) std::sort(changes.begin(), changes.end());
}

// In the order of the waiting instructions; those of one stay in theirs.
std::vector<Handover> by_waiter(const std::vector<Handover>& pairs, std::size_t instructions) {
  std::vector<std::size_t> place(instructions + 1);  // of the first pair of an instruction
  for (const Handover& pair : pairs) ++place[pair.waiter + 1];
  std::partial_sum(place.begin(), place.end(), place.begin());
  std::vector<Handover> ordered(pairs.size());
  for (const Handover& pair : pairs) ordered[place[pair.waiter]++] = pair;
  return ordered;
}

std::int64_t& at(WorkCycles& cycles, Work work) { return cycles[static_cast<std::size_t>(work)]; }

// The kind of work of an instruction that does nothing else.
struct OnlyWork {
  Work operator()(const isa::Copy& c) const { return models::uses_hbm(c) ? Work::kHbm : Work::kCopy; }
  Work operator()(const isa::Transpose&) const { return Work::kTranspose; }
  Work operator()(const isa::Update&) const { return Work::kUpdate; }
  Work operator()(const isa::Settle&) const { return Work::kSettle; }
  Work operator()(const isa::Take&) const { return Work::kTake; }
  Work operator()(const isa::Give&) const { return Work::kGive; }
  Work operator()(const isa::Put&) const { return Work::kPut; }
  template <class Other>
  Work operator()(const Other&) const {
    return Work::kOverhead;
  }
};

std::int64_t length(const Window& w) { return w.to - w.from; }

// What of the first lies in the second; of length 0 where nothing does.
Window clipped(const Window& part, const Window& whole) {
  const std::int64_t from = std::clamp(part.from, whole.from, whole.to);
  return {from, std::clamp(part.to, from, std::max(from, whole.to))};
}

// Of work that takes `cycles`, what lies in the window: the kinds in proportion, such that they add up.
void add_work(const WorkCycles& work, const Window& cycles, const Window& window, WorkCycles& sum) {
  const std::int64_t part = length(clipped(cycles, window));
  std::int64_t before = 0, taken = 0;
  for (std::size_t k = 0; k < kWorkKinds && part > 0; ++k) {
    before += work[k];
    const std::int64_t share =
        part == length(cycles)
            ? before
            : static_cast<std::int64_t>(static_cast<double>(before) / static_cast<double>(length(cycles)) *
                                        static_cast<double>(part));
    const std::int64_t upto = before == length(cycles) ? part : std::clamp(share, taken, part);
    sum[k] += upto - taken;
    taken = upto;
  }
}

// When the sequencer had an instruction that it could not issue, because the queue of its unit was full.
class FullQueues {
 public:
  FullQueues(const isa::Program& program, const models::ProgramTiming& timing, int lanes) {
    std::int64_t fetched = 0;  // first cycle in which the instruction could be issued
    for (std::size_t i = 0; i < program.size(); ++i) {
      if (ends_program(program[i])) break;
      const models::InstructionTiming& t = timing.instructions[i];
      const std::size_t unit = isa::unit_number(isa::unit(program[i]));
      fetched += models::fetch_cycles(program[i], lanes);
      if (t.issued > fetched) held_.push_back({{fetched - 1, t.issued - 1}, unit});
      of_unit_[unit].push_back({t.ended, i});
      fetched = t.issued + 1;
    }
  }

  // Divides the cycles in which a unit has nothing in its queue.
  void add(const Window& empty, UnitUse& use) const {
    std::int64_t rest = length(empty);
    auto held = std::partition_point(held_.begin(), held_.end(),
                                     [&](const Held& h) { return h.cycles.to <= empty.from; });
    for (; held != held_.end() && held->cycles.from < empty.to; ++held) {
      const Window both = clipped(held->cycles, empty);
      use.idle.queue[held->unit] += length(both);
      rest -= length(both);
      add_holders(both, held->unit, use);
    }
    use.idle.dispatch += rest;
  }

 private:
  struct Held {
    Window cycles;
    std::size_t unit;
  };
  struct End {
    std::int64_t cycle;
    std::size_t place;
  };

  // A unit is at an instruction from the end of the one before.
  void add_holders(Window cycles, std::size_t unit, UnitUse& use) const {
    const std::vector<End>& ends = of_unit_[unit];
    auto end =
        std::partition_point(ends.begin(), ends.end(), [&](const End& e) { return e.cycle <= cycles.from; });
    for (; end != ends.end() && cycles.from < cycles.to; ++end) {
      const std::int64_t to = std::min(end->cycle, cycles.to);
      use.held_by[end->place] += to - cycles.from;
      cycles.from = to;
    }
  }

  std::vector<Held> held_;  // in order
  std::array<std::vector<End>, isa::kUnits> of_unit_;
};

}  // namespace

void check_timing(const isa::Program& program, const models::ProgramTiming& timing) {
  if (timing.instructions.size() != program.size())
    throw std::invalid_argument(fmt::format("timing of {} instructions for a program of {}",
                                            timing.instructions.size(), program.size()));
  std::int64_t issued = 0;
  std::array<std::int64_t, isa::kUnits> ended{};
  for (std::size_t i = 0; i < program.size(); ++i) {
    const models::InstructionTiming& t = timing.instructions[i];
    if (t.issued < issued || t.issued > timing.cycles)
      fail(i, fmt::format("issued in cycle {}, expected {} to {}", t.issued, issued, timing.cycles));
    issued = t.issued;
    if (ends_program(program[i])) continue;
    std::int64_t& previous_end = ended[isa::unit_number(isa::unit(program[i]))];
    if (t.started < std::max(t.issued, previous_end))
      fail(i, fmt::format("started in cycle {}, but issued in {} and the unit busy to {}", t.started,
                          t.issued, previous_end));
    if (t.worked < t.started || t.ended < t.worked || t.ended > timing.cycles)
      fail(i, fmt::format("started, worked, ended in cycles {}, {}, {} of {}", t.started, t.worked, t.ended,
                          timing.cycles));
    previous_end = t.ended;
  }
}

std::vector<Handover> handovers(const isa::Program& program, const models::ProgramTiming& timing, int core) {
  check_timing(program, timing);
  Changes raises, takes;
  for (std::size_t i = 0; i < program.size(); ++i) {
    if (ends_program(program[i])) continue;
    const isa::Unit unit = isa::unit(program[i]);
    const Change raise{timing.instructions[i].ended, unit, i};
    add(takes, isa::wait(program[i]), {timing.instructions[i].started, unit, i});
    add(raises, isa::signal(program[i]), raise);
    if (const auto* put = std::get_if<isa::Put>(&program[i]); put != nullptr && put->core == core)
      add(raises, put->remote_signal, raise);
  }
  for (const models::Arrival& arrival : timing.arrivals)
    add(raises, arrival.semaphores, {arrival.cycle, isa::Unit::kNetwork, kOtherCore});
  std::vector<Handover> pairs;
  for (std::size_t s = 0; s < takes.size(); ++s) {
    sort(takes[s]);
    sort(raises[s]);
    for (std::size_t k = 0; k < takes[s].size(); ++k) {
      const Change& take = takes[s][k];
      if (k >= raises[s].size() || raises[s][k].cycle >= take.cycle)
        fail(take.place, fmt::format("semaphore {} taken in cycle {}, not raised before", s, take.cycle));
      pairs.push_back({raises[s][k].place, take.place, static_cast<int>(s), raises[s][k].cycle});
    }
  }
  return by_waiter(pairs, program.size());
}

std::string_view name(Work work) {
  constexpr std::array<std::string_view, kWorkKinds> kNames{"compute", "drain", "overhead",  "merge",
                                                            "hbm",     "copy",  "transpose", "update",
                                                            "settle",  "put",   "take",      "give"};
  return kNames.at(static_cast<std::size_t>(work));
}

WorkCycles work_of(const isa::Instruction& instruction, const models::InstructionTiming& timing) {
  WorkCycles cycles{};
  if (ends_program(instruction)) return cycles;
  if (const auto* t = std::get_if<isa::Tensor>(&instruction)) {
    const models::TensorTiming tensor = models::tensor_timing(*t);
    const models::BlockPipeline& tiles = tensor.tiles;
    at(cycles, Work::kCompute) = tiles.blocks * tensor.steps;
    at(cycles, Work::kDrain) = (tiles.blocks - 1) * std::max<std::int64_t>(0, tiles.out - tiles.in);
  } else if (const auto* v = std::get_if<isa::Vector>(&instruction)) {
    at(cycles, Work::kCompute) = models::iterations(v->loops, 0, isa::kLoops);
  } else {
    at(cycles, std::visit(OnlyWork{}, instruction)) = timing.ended - timing.started;
    return cycles;
  }
  const std::int64_t work = at(cycles, Work::kCompute) + at(cycles, Work::kDrain);
  if (timing.worked - timing.started < work)
    throw std::invalid_argument(
        fmt::format("timing of a {} instruction: {} cycles of work, expected at least {}",
                    isa::info(instruction).name, timing.worked - timing.started, work));
  at(cycles, Work::kOverhead) = timing.worked - timing.started - work;
  at(cycles, Work::kMerge) = timing.ended - timing.worked;
  return cycles;
}

std::int64_t UnitUse::busy_cycles() const {
  return std::accumulate(busy.begin(), busy.end(), std::int64_t{0});
}

std::int64_t UnitUse::idle_cycles() const {
  std::int64_t sum = idle.dispatch + idle.start + idle.end;
  for (std::size_t u = 0; u < isa::kUnits; ++u) sum += idle.semaphore[u] + idle.queue[u];
  return sum;
}

std::vector<UnitUse> unit_uses(const isa::Program& program, const models::ProgramTiming& timing, int lanes,
                               const Window& window) {
  const std::vector<Handover> pairs = handovers(program, timing);
  const FullQueues queues(program, timing, lanes);
  std::array<UnitUse, isa::kUnits> uses;
  std::array<std::int64_t, isa::kUnits> free_from{};  // cycle of the unit's last end
  auto pair = pairs.begin();
  for (std::size_t i = 0; i < program.size(); ++i) {
    if (ends_program(program[i])) continue;
    const models::InstructionTiming& t = timing.instructions[i];
    const std::size_t unit = isa::unit_number(isa::unit(program[i]));
    std::int64_t raised = 0;
    std::size_t raiser = 0;
    for (; pair != pairs.end() && pair->waiter == i; ++pair) {
      const std::size_t by = isa::unit_number(
          pair->signaller == kOtherCore ? isa::Unit::kNetwork : isa::unit(program[pair->signaller]));
      if (pair->cycle > raised || (pair->cycle == raised && by < raiser)) {
        raised = pair->cycle;
        raiser = by;
      }
    }
    UnitUse& use = uses[unit];
    const std::int64_t issued = std::max(t.issued, free_from[unit]);
    const std::int64_t ready = std::max(raised, issued);
    queues.add(clipped({free_from[unit], issued}, window), use);
    use.idle.semaphore[raiser] += length(clipped({issued, ready}, window));
    use.idle.start += length(clipped({ready, t.started}, window));
    add_work(work_of(program[i], t), {t.started, t.ended}, window, use.busy);
    free_from[unit] = t.ended;
  }
  std::vector<UnitUse> result;
  for (std::size_t unit = isa::unit_number(isa::Unit::kDma); unit < isa::kUnits; ++unit) {
    uses[unit].unit = static_cast<isa::Unit>(unit);
    uses[unit].idle.end = length(clipped({free_from[unit], window.to}, window));
    result.push_back(std::move(uses[unit]));
  }
  return result;
}

std::vector<UnitUse> unit_uses(const isa::Program& program, const models::ProgramTiming& timing, int lanes) {
  return unit_uses(program, timing, lanes, {0, timing.cycles});
}

std::string describe(const UnitUse& use) {
  const std::int64_t cycles = use.busy_cycles() + use.idle_cycles();
  const auto percent = [&](std::int64_t part) {
    return cycles == 0 ? 0.0 : 100.0 * static_cast<double>(part) / static_cast<double>(cycles);
  };
  std::string busy, idle;
  const auto list = [&](std::string& text, std::string_view what, std::int64_t part) {
    if (part != 0) text += fmt::format("{}{} {:.1f}", text.empty() ? "" : ", ", what, percent(part));
  };
  for (std::size_t k = 0; k < kWorkKinds; ++k) list(busy, name(static_cast<Work>(k)), use.busy[k]);
  for (std::size_t u = 0; u < isa::kUnits; ++u)
    list(idle, isa::name(static_cast<isa::Unit>(u)), use.idle.semaphore[u]);
  for (std::size_t u = 0; u < isa::kUnits; ++u)
    list(idle, fmt::format("queue of {}", isa::name(static_cast<isa::Unit>(u))), use.idle.queue[u]);
  list(idle, "dispatch", use.idle.dispatch);
  list(idle, "start", use.idle.start);
  list(idle, "end", use.idle.end);
  return fmt::format("{} {:.1f} % busy{}{}", isa::name(use.unit), percent(use.busy_cycles()),
                     busy.empty() ? "" : " (" + busy + ")", idle.empty() ? "" : "; waits: " + idle);
}

}  // namespace anzan::sim
