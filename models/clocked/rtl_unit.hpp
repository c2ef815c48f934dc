// The shell of a unit that is RTL: transactions of sequencer and statistics database on one side, its clock
// on the other. It is clocked from S to E. Page: README.md.
#pragma once
#include "models/clocked/pin_cycles.hpp"
#include "models/clocked/rtl_block.hpp"
#include "models/clocked/timed_unit.hpp"

namespace anzan::models::clocked {

class RtlUnitShell : public TimedUnit, public DatabaseUser, public Transactor {
 public:
  sc_core::sc_port<DatabaseFace> database;

  // `port`: of the database; -1: the unit has no business there.
  RtlUnitShell(const sc_core::sc_module_name& name, const Clock& clock, PinCycles& pins, RtlUnit& rtl,
               int port)
      : TimedUnit(name, clock), pins_(pins), rtl_(rtl), port_(port) {
    pins.join(PinCycles::Order::kUnits, *this);
  }

  void restart(const isa::Program& program, const Surroundings& surroundings) {
    program_ = &program;
    granted_ = asked_ = false;
    rtl_.restart(surroundings);
  }
  void granted(std::int64_t) override { granted_ = true; }
  int slot() const override { return job().slot; }

 private:
  void begin(const Job& job, std::int64_t now) override {
    rtl_.start(program_->at(job.index));
    started_ = now;
    pins_.call(*this, now);
  }
  void happen(std::int64_t) override {}
  void pins(std::int64_t now) override;

  PinCycles& pins_;
  RtlUnit& rtl_;
  int port_;
  const isa::Program* program_ = nullptr;
  std::int64_t started_ = 0;
  bool granted_ = false;  // a grant begins in this cycle
  bool asked_ = false;
};

}  // namespace anzan::models::clocked
