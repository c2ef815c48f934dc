// The sequencer: fetches instructions in order, queues them at their units, and starts each when its unit is
// idle and its semaphores are above zero. Page: sequencer.md.
#pragma once
#include <array>
#include <cstdint>
#include <deque>
#include <exception>
#include <systemc>
#include <vector>

#include "isa/units.hpp"
#include "models/clocked/clock.hpp"
#include "models/clocked/faces.hpp"
#include "models/clocked/interconnect.hpp"
#include "models/program_timing.hpp"
#include "models/work_observer.hpp"

namespace anzan::models::clocked {

class Sequencer : public sc_core::sc_module, public SequencerFace, public ArrivalFace {
 public:
  SC_HAS_PROCESS(Sequencer);
  Sequencer(const sc_core::sc_module_name& name, const Clock& clock, int queue_depth);

  // One port for each of the isa::kWorkers, in their order.
  sc_core::sc_vector<sc_core::sc_port<UnitFace>> units;

  // Cycle 0 is now. The jobs must live until the program has ended.
  void begin(const std::vector<Job>& jobs);
  // From now on this is told of every instruction that is issued.
  void watch(Watch watch) { watch_ = watch; }

  bool ended() const { return ended_; }
  std::int64_t cycles() const { return end_cycle_ + 1; }
  const std::vector<InstructionTiming>& instructions() const { return timing_; }
  const std::vector<Arrival>& arrivals() const { return arrivals_; }
  // Of the first instruction that has not started; what waits forever if the simulation stands still.
  std::size_t first_waiting() const;
  // An exception that a unit threw when it was started; nothing starts after it.
  const std::exception_ptr& failure() const { return failure_; }

  void worked(const Job& job) override;
  void done(const Job& job) override;
  void arrived(std::uint32_t semaphores) override;

  void trace(sc_core::sc_trace_file* file) const override;

 private:
  struct Queue {
    std::deque<const Job*> jobs;
    bool busy = false;
    unsigned length = 0;  // for the waveform
  };
  struct Completion {
    std::int64_t cycle;
    const Job* job;                 // null: an arrival from another core
    std::uint32_t signal, arrived;  // semaphores that it raises, those in both twice
  };

  void step();  // one cycle in which something may happen
  void take_completions(std::int64_t now);
  bool start_units(std::int64_t now);
  bool issue(std::int64_t now, const isa::PerWorker<std::size_t>& occupied);
  bool take(std::uint32_t wait);

  Watch watch_;
  const Clock& clock_;
  std::size_t queue_depth_;
  sc_core::sc_event wake_;
  const std::vector<Job>* jobs_ = nullptr;
  std::size_t next_ = 0;      // instruction being fetched
  std::int64_t fetched_ = 0;  // cycle from which it can be issued
  isa::PerWorker<Queue> queues_;
  std::array<std::uint32_t, isa::kSemaphores> semaphores_{};
  std::vector<Completion> completions_;  // of this cycle: they count from the next
  std::vector<InstructionTiming> timing_;
  std::vector<Arrival> arrivals_;
  std::int64_t end_cycle_ = -1;
  bool ended_ = false;
  std::exception_ptr failure_;
};

}  // namespace anzan::models::clocked
