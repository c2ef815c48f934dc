// Sequencer, semaphores and database cycle by cycle: all decisions of a cycle look at registers as they were
// at its beginning.
#include "tests/models/clocked/ticking_core.hpp"

#include <array>
#include <deque>
#include <stdexcept>
#include <vector>

#include "tests/models/clocked/ticking_units.hpp"

namespace anzan::reference {
namespace {

constexpr int kUnits = 5, kDatabasePorts = 3;
constexpr std::int64_t kStandstill = 1'000'000;

class TickingCore {
 public:
  TickingCore(const isa::Program& program, const models::clocked::CoreParameters& p)
      : program_(program), p_(p), hbm_(p.hbm, p.lanes, p.clock_period_fs) {
    hbm_.reset();
    timing_.instructions.assign(program.size(), {-1, -1, -1, -1});
    begin_fetch(0);
  }

  models::ProgramTiming run() {
    while (!ended_) {
      tick();
      if (cycle_ - last_event_ > kStandstill) throw std::runtime_error("ticking core: standstill");
      ++cycle_;
    }
    timing_.cycles = cycle_;
    return timing_;
  }

 private:
  struct Unit {
    std::deque<std::size_t> queue;
    std::unique_ptr<TickingUnit> work;
    std::size_t instruction = 0;
    bool busy = false, merging = false;
  };

  const isa::Instruction& at(std::size_t i) const { return program_[i]; }
  models::InstructionTiming& times(std::size_t i) { return timing_.instructions[i]; }

  void begin_fetch(std::size_t next) {
    next_ = next;
    const int words = isa::info(at(next)).words;
    fetch_left_ = (words + p_.lanes - 1) / p_.lanes;
  }

  void tick() {
    // what other blocks see of this cycle: registers before it
    std::array<std::size_t, kUnits> occupied{};
    std::array<bool, kUnits> busy{};
    for (std::size_t u = 0; u < kUnits; ++u) {
      occupied[u] = units_[u].queue.size();
      busy[u] = units_[u].busy;
    }
    std::array<std::uint32_t, isa::kSemaphores> raised{};
    work(raised);
    database();
    start(busy);
    fetch(occupied, busy);
    for (std::size_t s = 0; s < raised.size(); ++s) semaphores_[s] += raised[s];
  }

  void work(std::array<std::uint32_t, isa::kSemaphores>& raised) {
    for (std::size_t u = 0; u < kUnits; ++u) {
      Unit& unit = units_[u];
      if (!unit.busy) continue;
      if (unit.merging) {
        if (!ports_[port_of(u)].requested && cycle_ == ports_[port_of(u)].granted_to) end(unit, raised);
        continue;
      }
      if (!unit.work->tick(cycle_)) continue;
      times(unit.instruction).worked = cycle_;
      if (!analyses(at(unit.instruction))) {
        end(unit, raised);
      } else {
        unit.merging = true;
        asks_next_.push_back(port_of(u));
      }
    }
  }

  static std::size_t port_of(std::size_t u) { return u - 1; }  // tensor, vector, settings

  static bool analyses(const isa::Instruction& instruction) {
    if (const auto* t = std::get_if<isa::Tensor>(&instruction)) return t->analyse == 1 && t->spill == 0;
    if (const auto* v = std::get_if<isa::Vector>(&instruction)) return v->analyse == 1;
    return false;
  }

  void end(Unit& unit, std::array<std::uint32_t, isa::kSemaphores>& raised) {
    unit.busy = unit.merging = false;
    times(unit.instruction).ended = cycle_;
    last_event_ = cycle_;
    const auto add = [&](std::uint32_t mask) {
      for (std::size_t s = 0; s < raised.size(); ++s) raised[s] += mask >> s & 1;
    };
    std::visit([&](const auto& i) { add(i.signal); }, at(unit.instruction));
    if (const auto* put = std::get_if<isa::Put>(&at(unit.instruction))) add(put->remote_signal);
  }

  void database() {
    if (cycle_ > database_to_) {
      for (std::size_t port = 0; port < ports_.size(); ++port) {
        DatabaseLine& line = ports_[port];
        if (!line.requested) continue;
        line.requested = false;
        // 69 counters, eight a cycle, and one cycle to write the last ones back
        database_to_ = line.granted_to = cycle_ + (isa::kHistogramBins + 5 + 7) / 8;
        break;
      }
    }
    for (const DatabaseLine& line : ports_) timing_.database_wait_cycles += line.requested;
    for (const std::size_t port : asks_next_) ports_[port].requested = true;
    asks_next_.clear();
  }

  void start(const std::array<bool, kUnits>& busy) {
    for (std::size_t u = 0; u < kUnits; ++u) {
      Unit& unit = units_[u];
      if (busy[u] || unit.queue.empty()) continue;
      const std::size_t i = unit.queue.front();
      const std::uint32_t wait = isa::wait(at(i));
      bool free = true;
      for (std::size_t s = 0; s < semaphores_.size(); ++s)
        free = free && ((wait >> s & 1) == 0 || semaphores_[s] > 0);
      if (!free) continue;
      for (std::size_t s = 0; s < semaphores_.size(); ++s) semaphores_[s] -= wait >> s & 1;
      unit.queue.pop_front();
      unit.busy = true;
      unit.instruction = i;
      unit.work = ticking_unit(at(i), hbm_, p_.dma_outstanding, p_.lanes, ports_[2]);
      times(i).started = last_event_ = cycle_;
    }
  }

  void fetch(const std::array<std::size_t, kUnits>& occupied, const std::array<bool, kUnits>& busy) {
    if (fetch_left_ > 0) {
      --fetch_left_;
      return;
    }
    if (isa::unit(at(next_)) == isa::Unit::kSequencer) {
      bool idle = true;
      for (std::size_t u = 0; u < kUnits; ++u) idle = idle && occupied[u] == 0 && !busy[u];
      if (!idle) return;
      times(next_) = {cycle_, cycle_, cycle_, cycle_};
      ended_ = true;
      return;
    }
    const std::size_t u = static_cast<std::size_t>(isa::unit(at(next_))) - 1;
    if (occupied[u] >= static_cast<std::size_t>(p_.queue_depth)) return;
    units_[u].queue.push_back(next_);
    times(next_).issued = last_event_ = cycle_;
    begin_fetch(next_ + 1);
  }

  const isa::Program& program_;
  models::clocked::CoreParameters p_;
  models::Hbm hbm_;
  models::ProgramTiming timing_;
  std::array<Unit, kUnits> units_;
  std::array<DatabaseLine, kDatabasePorts> ports_;
  std::vector<std::size_t> asks_next_;
  std::array<std::uint32_t, isa::kSemaphores> semaphores_{};
  std::int64_t cycle_ = 0, last_event_ = 0, database_to_ = -1;
  std::size_t next_ = 0;
  int fetch_left_ = 0;
  bool ended_ = false;
};

}  // namespace

models::ProgramTiming tick(const isa::Program& program, const models::clocked::CoreParameters& parameters) {
  return TickingCore(program, parameters).run();
}

}  // namespace anzan::reference
