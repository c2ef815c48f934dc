// List scheduling and the machine that it imagines: see schedule.hpp.
#include "compiler/schedule/schedule.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <queue>
#include <utility>

#include "compiler/schedule/semaphores.hpp"
#include "isa/units.hpp"
#include "models/timing.hpp"

namespace anzan::compiler {
namespace {

// HBM as the compiler imagines it: so long from the first request to its line, and then four lines in five
// cycles. Fitted to the clocked model with HBM2 at 2.0 Gb/s a pin, four pseudo-channels and a core at 1 GHz.
constexpr std::int64_t kHbmLatencyCycles = 80;

// How the work is shared between the passes over all instructions, about.
constexpr std::int64_t kSchedules = 3, kSchedulingUnits = 1;

// What arrives from another core some time after its cause has ended here.
struct Lag {
  std::int32_t cause = -1;
  std::int64_t cycles = 0;
};

struct Tasks {
  std::vector<std::size_t> unit;     // of each instruction, over all stages; the last of a stage is for `end`
  std::vector<std::int64_t> cycles;  // its unit is busy for
  std::vector<Lag> lag;
  std::int64_t lag_between(std::size_t i, std::size_t j) const {  // of two that depend on each other
    if (lag[j].cause == static_cast<std::int32_t>(i)) return lag[j].cycles;
    return lag[i].cause == static_cast<std::int32_t>(j) ? lag[i].cycles : 0;
  }
  std::size_t units() const { return 1 + *std::max_element(unit.begin(), unit.end()); }
};

struct Plan {
  std::vector<std::int64_t> end;    // of each instruction
  std::vector<std::int32_t> order;  // of the starts
  std::int64_t cycles = 0;
};

// Starts everything as early as units and predecessors allow; of several instructions that a unit could
// start, the one with the highest urgency.
class ListScheduler {
 public:
  ListScheduler(const Tasks& work, const Edges& before, const Edges& after,
                const std::vector<std::int64_t>& urgency, models::Watch watch)
      : work_(work),
        after_(after),
        urgency_(urgency),
        watch_(watch),
        missing_(before.size()),
        possible_(before.size(), 0),
        units_(work.units()) {
    plan_.end.resize(before.size());
    for (std::size_t i = 0; i < before.size(); ++i) {
      missing_[i] = before[i].size();
      if (missing_[i] == 0) unblock(i);
    }
  }

  Plan run() {
    while (Unit* unit = next_unit()) {
      watch_.done(kSchedulingUnits);
      start(*unit);
    }
    return std::move(plan_);
  }

 private:
  // (cycle or urgency, number of the instruction); the queues give the largest first, so what should come
  // early is negative
  using Entry = std::pair<std::int64_t, std::int64_t>;
  struct Unit {
    std::int64_t idle = 0;                // first cycle in which it can start another
    std::priority_queue<Entry> possible;  // instructions whose predecessors will have ended in a known cycle
    std::priority_queue<Entry> ready;     // those that could have started in the cycle of the last start
    bool empty() const { return possible.empty() && ready.empty(); }
    std::int64_t next_start() const { return ready.empty() ? std::max(idle, -possible.top().first) : idle; }
  };

  void unblock(std::size_t i) {
    units_[work_.unit[i]].possible.emplace(-possible_[i], -static_cast<std::int64_t>(i));
  }

  // The unit that starts an instruction first; null at the end.
  Unit* next_unit() {
    Unit* first = nullptr;
    for (Unit& u : units_) {
      if (!u.empty() && (first == nullptr || u.next_start() < first->next_start())) first = &u;
    }
    return first;
  }

  void start(Unit& unit) {
    const std::int64_t now = unit.next_start();
    for (; !unit.possible.empty() && -unit.possible.top().first <= now; unit.possible.pop()) {
      const std::int64_t negative = unit.possible.top().second;
      unit.ready.emplace(urgency_[static_cast<std::size_t>(-negative)], negative);
    }
    const auto number = static_cast<std::size_t>(-unit.ready.top().second);
    unit.ready.pop();
    unit.idle = plan_.end[number] = now + work_.cycles[number];
    plan_.cycles = std::max(plan_.cycles, unit.idle);
    plan_.order.push_back(static_cast<std::int32_t>(number));
    for (const std::int32_t a : after_[number]) {
      const auto later = static_cast<std::size_t>(a);
      possible_[later] = std::max(possible_[later], unit.idle + work_.lag_between(number, later));
      if (--missing_[later] == 0) unblock(later);
    }
  }

  const Tasks& work_;
  const Edges& after_;
  const std::vector<std::int64_t>& urgency_;
  models::Watch watch_;
  std::vector<std::size_t> missing_;    // predecessors that have not started
  std::vector<std::int64_t> possible_;  // first cycle in which all predecessors that have started have ended
  std::vector<Unit> units_;
  Plan plan_;
};

// Cycles of the longest path from the start of each instruction to the end.
std::vector<std::int64_t> paths(const Tasks& work, const Edges& before) {
  std::vector<std::int64_t> path = work.cycles;
  for (std::size_t i = path.size(); i-- > 0;) {
    for (const std::int32_t b : before[i]) {
      const auto earlier = static_cast<std::size_t>(b);
      path[earlier] = std::max(path[earlier], work.cycles[earlier] + work.lag_between(earlier, i) + path[i]);
    }
  }
  return path;
}

}  // namespace

std::int64_t expected_cycles(const isa::Instruction& i) {
  const std::int64_t cycles = models::estimated_cycles(i);
  return models::uses_hbm(i) ? kHbmLatencyCycles + cycles * 5 / 4 : cycles;
}

Order list_schedule(const Listing& listing, const Dependencies& dependencies, models::Watch watch) {
  const isa::Program& program = listing.program;
  const Edges& before = dependencies.before;
  const Edges after = before.reversed();
  Tasks work;
  for (const isa::Instruction& i : program) {
    work.unit.push_back(listing.stage_at(work.unit.size()) * (isa::kWorkers + 1) +
                        (isa::works(i) ? isa::worker_number(i) : isa::kWorkers));
    work.cycles.push_back(isa::works(i) ? expected_cycles(i) + 1 : 0);
    const Exchanged* exchanged = listing.exchanged_at(work.lag.size());
    work.lag.push_back(exchanged != nullptr ? Lag{exchanged->cause, exchanged->lag_cycles} : Lag{});
  }
  Plan first = ListScheduler(work, before, after, paths(work, before), watch).run();
  // time runs backwards: what ended last starts first
  const Plan backward = ListScheduler(work, after, before, first.end, watch).run();
  Plan second = ListScheduler(work, before, after, backward.end, watch).run();
  std::vector<std::int32_t>& order = (second.cycles < first.cycles ? second : first).order;
  const auto is_end = [&](std::int32_t i) { return !isa::works(program[static_cast<std::size_t>(i)]); };
  std::stable_partition(order.begin(), order.end(), [&](std::int32_t i) { return !is_end(i); });
  return {std::move(order), std::min(first.cycles, second.cycles)};
}

std::int64_t units_of_schedule(const Listing& listing) {
  return static_cast<std::int64_t>(listing.program.size()) *
         (kDependencyUnits + kSchedules * kSchedulingUnits);
}

std::vector<Listing> schedule(Listing listing, std::int64_t lanes, models::Watch watch) {
  const Dependencies written = dependencies(listing, lanes, watch);
  const auto [order, cycles] = list_schedule(listing, written, watch);
  std::vector<std::size_t> sizes(1);  // by stage
  for (std::size_t i = 0; i < order.size(); ++i) {
    sizes.resize(std::max(sizes.size(), listing.stage_at(i) + 1));
    ++sizes[listing.stage_at(i)];
  }
  std::vector<Listing> moved(sizes.size());
  std::vector<Dependencies> kept(sizes.size());
  for (std::size_t s = 0; s < sizes.size(); ++s) {
    moved[s].program.reserve(sizes[s]);
    moved[s].region_of.reserve(sizes[s]);
    moved[s].index_shift.reserve(sizes[s]);
    moved[s].exchanged.reserve(sizes[s]);
    kept[s].before.reserve(sizes[s]);
  }
  std::vector<std::int32_t> place(order.size());  // in its stage
  for (const std::int32_t o : order) {
    const auto old = static_cast<std::size_t>(o), stage = listing.stage_at(old);
    Listing& l = moved[stage];
    place[old] = static_cast<std::int32_t>(l.program.size());
    l.program.push_back(std::move(listing.program[old]));
    l.region_of.push_back(listing.region_of[old]);
    l.index_shift.push_back(old < listing.index_shift.size() ? listing.index_shift[old] : nullptr);
    l.exchanged.push_back(old < listing.exchanged.size() ? listing.exchanged[old] : nullptr);
    for (const std::int32_t b : written.before[old]) {
      const auto before = static_cast<std::size_t>(b);
      if (listing.stage_at(before) == stage) kept[stage].before.add(place[before]);
    }
    kept[stage].before.end_row();
  }
  for (std::size_t s = 0; s < moved.size(); ++s) {
    add_semaphores(moved[s], kept[s]);
    moved[s].expected_cycles = cycles;
  }
  return moved;
}

models::ProgramTiming estimate(const isa::Program& program, int lanes, int queue_depth) {
  models::ProgramTiming timing;
  std::array<std::queue<std::int64_t>, isa::kSemaphores> raised;  // cycles in which they can be taken
  isa::PerWorker<std::int64_t> idle{};
  isa::PerWorker<std::vector<std::int64_t>> starts;
  const auto depth = static_cast<std::size_t>(queue_depth);
  std::int64_t fetched = 0, last = 0;
  for (const isa::Instruction& i : program) {
    fetched += models::fetch_cycles(i, lanes);
    models::InstructionTiming t;
    t.issued = fetched;
    if (isa::works(i)) {
      const std::size_t u = isa::worker_number(i);
      if (starts[u].size() >= depth) t.issued = std::max(t.issued, starts[u][starts[u].size() - depth] + 1);
      t.started = std::max(t.issued + 1, idle[u]);
      const std::uint32_t wait = isa::wait(i), signal = isa::signal(i);
      for (std::size_t s = 0; s < raised.size(); ++s) {
        if ((wait >> s & 1) == 0 || raised[s].empty()) continue;
        t.started = std::max(t.started, raised[s].front());
        raised[s].pop();
      }
      t.ended = t.started + expected_cycles(i);
      t.worked = t.ended - (models::merges(i) ? models::kMergeCycles : 0);
      const auto* put = std::get_if<isa::Put>(&i);  // another core sends likewise
      const std::uint32_t raises = signal | (put != nullptr ? put->remote_signal : 0);
      for (std::size_t s = 0; s < raised.size(); ++s) {
        if ((raises >> s & 1) != 0) raised[s].push(t.ended + 1);
      }
      idle[u] = t.ended + 1;
      starts[u].push_back(t.started);
    } else {
      t.issued = t.started = t.worked = t.ended = std::max(t.issued, last + 1);
    }
    fetched = t.issued + 1;
    last = std::max(last, t.ended);
    timing.instructions.push_back(t);
  }
  timing.cycles = last;
  return timing;
}

}  // namespace anzan::compiler
