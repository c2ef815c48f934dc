// What stands at the ports of the RTL core: HBM, program memory, and somebody who writes down what the units
// do.
#pragma once
#include <deque>
#include <vector>

#include "isa/units.hpp"
#include "models/core.hpp"
#include "models/hbm.hpp"
#include "models/program_timing.hpp"

namespace anzan::sim {

// models::Hbm for time, the HBM of a core for values. Responses come in order, one a cycle.
class HbmPort {
 public:
  // `hbm` must outlive the port.
  HbmPort(models::Hbm& hbm, int lanes) : hbm_(hbm), line_bytes_(4 * static_cast<std::size_t>(lanes)) {}

  void restart(models::Core& core);

  // Cycles do not decrease from call to call. Throws std::logic_error for a line that does not exist.
  bool can_accept(std::int64_t cycle, std::int64_t line);
  void read(std::int64_t cycle, std::int64_t line);
  void write(std::int64_t cycle, std::int64_t line, std::uint64_t byte_enables, const void* data);

  struct Response {
    bool valid;
    const std::uint8_t* data;  // a line, of a read; otherwise null
  };
  Response respond(std::int64_t cycle);

  models::HbmCounters counters(std::int64_t cycles);  // up to the end of a program of so many cycles

 private:
  struct Flight {
    std::int64_t line;
    bool write, arrived = false;
  };
  void present(std::int64_t cycle, std::int64_t line, bool write);
  std::uint8_t* bytes(std::int64_t line) {
    return core_->hbm() + static_cast<std::size_t>(line) * line_bytes_;
  }

  models::Hbm& hbm_;
  std::size_t line_bytes_;
  models::Core* core_ = nullptr;
  std::deque<Flight> flights_;
  std::int64_t first_id_ = 0;  // of the first flight; the others follow it
};

// Each instruction begins at a line of its own; lines after the last are zeros, for a core that reads ahead.
class ProgramMemory {
 public:
  explicit ProgramMemory(int lanes) : lanes_(static_cast<std::size_t>(lanes)) {}
  void load(const isa::Program& program);
  const std::uint32_t* line(std::size_t number) const { return &words_.at(number * lanes_); }

 private:
  std::size_t lanes_;
  std::vector<std::uint32_t> words_;
};

// Issue, start and end of every instruction as the core's outputs say. `worked` is taken to be `ended`: the
// last write is not at a port. Of `end`, nothing is seen: its record holds -1.
class UnitLog {
 public:
  void begin(const isa::Program& program);

  // A bit a worker. Throws std::logic_error if the core does what no program says, or if for
  // very long nothing happens.
  void note(std::int64_t cycle, unsigned issued, unsigned started, unsigned done) {
    if ((issued | started | done) != 0 || cycle - last_event_ > kStandstillCycles)
      note_events(cycle, issued, started, done);
  }
  const std::vector<models::InstructionTiming>& instructions() const { return timing_; }

 private:
  static constexpr std::int64_t kStandstillCycles = 100'000'000;
  void note_events(std::int64_t cycle, unsigned issued, unsigned started, unsigned done);

  std::vector<models::InstructionTiming> timing_;
  std::vector<isa::Unit> units_;
  std::int64_t last_event_ = 0;
  std::size_t issued_ = 0;
  isa::PerWorker<std::size_t> running_{};
  isa::PerWorker<std::deque<std::size_t>> queued_;
};

}  // namespace anzan::sim
