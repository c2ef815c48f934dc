// What the shells of all units have in common: one instruction at a time, its last write in cycle W, its end
// in cycle E, and what a waveform shows of that. Subclasses say when W and E are.
#pragma once
#include <cstdint>
#include <systemc>

#include "models/clocked/clock.hpp"
#include "models/clocked/faces.hpp"
#include "models/clocked/unit_values.hpp"

namespace anzan::models::clocked {

class TimedUnit : public sc_core::sc_module, public UnitFace {
 public:
  SC_HAS_PROCESS(TimedUnit);
  sc_core::sc_port<SequencerFace> sequencer;

  void start(const Job& job) final {
    job_ = &job;
    busy_ = true;
    instruction_ = static_cast<unsigned>(job.index);
    if (values_ != nullptr) values_->started(job);
    begin(job, clock_.cycle());
  }

  // Null: the unit takes time, and does nothing.
  void set_values(UnitValues* values) { values_ = values; }

  void trace(sc_core::sc_trace_file* file) const {
    sc_core::sc_trace(file, busy_, std::string(name()) + ".busy");
    sc_core::sc_trace(file, instruction_, std::string(name()) + ".instruction");
  }

 protected:
  TimedUnit(const sc_core::sc_module_name& name, const Clock& clock)
      : sc_core::sc_module(name), clock_(clock) {
    SC_METHOD(wake);
    sensitive << event_;
    dont_initialize();
  }

  virtual void begin(const Job& job, std::int64_t now) = 0;  // in cycle S
  virtual void happen(std::int64_t now) = 0;                 // in the cycle that was asked for

  void at(std::int64_t cycle) { clock_.notify(event_, cycle); }
  const Job& job() const { return *job_; }
  void granted_values() {
    if (values_ != nullptr) values_->granted();
  }
  void work_done() { sequencer->worked(*job_); }
  void end() {
    busy_ = false;
    sequencer->done(*job_);
  }

 private:
  void wake() { happen(clock_.cycle()); }

  const Clock& clock_;
  sc_core::sc_event event_;
  UnitValues* values_ = nullptr;
  const Job* job_ = nullptr;
  bool busy_ = false;
  unsigned instruction_ = 0;
};

}  // namespace anzan::models::clocked
