// The sequencer: fetches instructions in order, queues them at their units, and starts each when its unit is
// idle and its semaphores are above zero. Page: sequencer.md.
#pragma once
#include <array>
#include <cstdint>
#include <deque>
#include <exception>
#include <systemc>
#include <vector>

#include "models/clocked/clock.hpp"
#include "models/clocked/faces.hpp"
#include "models/program_timing.hpp"

namespace anzan::models::clocked {

class Sequencer : public sc_core::sc_module, public SequencerFace {
 public:
  SC_HAS_PROCESS(Sequencer);
  Sequencer(const sc_core::sc_module_name& name, const Clock& clock, int queue_depth);

  // One port a unit, in the order of isa::Unit after the sequencer itself.
  static constexpr std::size_t kUnits = std::size(isa::kUnitEntries) - 1;
  static std::size_t number_of(isa::Unit unit) { return static_cast<std::size_t>(unit) - 1; }
  sc_core::sc_vector<sc_core::sc_port<UnitFace>> units;

  // Cycle 0 is now. The jobs must live until the program has ended.
  void begin(const std::vector<Job>& jobs);

  bool ended() const { return ended_; }
  std::int64_t cycles() const { return end_cycle_ + 1; }
  const std::vector<InstructionTiming>& instructions() const { return timing_; }
  // Of the first instruction that has not started; what waits forever if the simulation stands still.
  std::size_t first_waiting() const;
  // An exception that a unit threw when it was started; nothing starts after it.
  const std::exception_ptr& failure() const { return failure_; }

  void worked(const Job& job) override;
  void done(const Job& job) override;

  void trace(sc_core::sc_trace_file* file) const;

 private:
  struct Queue {
    std::deque<const Job*> jobs;
    bool busy = false;
    unsigned length = 0;  // for the waveform
  };
  struct Completion {
    std::int64_t cycle;
    const Job* job;
  };

  void step();  // one cycle in which something may happen
  void take_completions(std::int64_t now);
  bool start_units(std::int64_t now);
  bool issue(std::int64_t now, const std::array<std::size_t, kUnits>& occupied);
  bool take(std::uint32_t wait);

  const Clock& clock_;
  std::size_t queue_depth_;
  sc_core::sc_event wake_;
  const std::vector<Job>* jobs_ = nullptr;
  std::size_t next_ = 0;      // instruction being fetched
  std::int64_t fetched_ = 0;  // cycle from which it can be issued
  std::array<Queue, kUnits> queues_;
  std::array<std::uint32_t, isa::kSemaphores> semaphores_{};
  std::vector<Completion> completions_;  // of this cycle: they count from the next
  std::vector<InstructionTiming> timing_;
  std::int64_t end_cycle_ = -1;
  bool ended_ = false;
  std::exception_ptr failure_;
};

}  // namespace anzan::models::clocked
