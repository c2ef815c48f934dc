// Settings store and settings optimiser: `update` reads a slot's statistics, decides and writes them back;
// `settle` moves one binary point; `take` and `give` move counters between statistics database and
// scratchpad. Page: settings_unit.md.
#pragma once
#include "models/clocked/timed_unit.hpp"
#include "models/timing.hpp"

namespace anzan::models::clocked {

class SettingsUnit : public TimedUnit, public DatabaseUser {
 public:
  sc_core::sc_port<DatabaseFace> database;

  SettingsUnit(const sc_core::sc_module_name& name, const Clock& clock, int port)
      : TimedUnit(name, clock), port_(port) {}

  void granted(std::int64_t last_cycle) override {
    granted_values();
    at(last_cycle + (phase_ == Phase::kRead ? kScanCycles : phase_ == Phase::kTake ? kCounterMoveCycles : 0));
  }
  int slot() const override { return job().slot; }

 private:
  enum class Phase { kRead, kTake, kLoad, kLast };

  void begin(const Job& job, std::int64_t now) override {
    switch (job.settings) {
      case isa::Opcode::kUpdate:
        return ask(Phase::kRead);
      case isa::Opcode::kTake:
        return ask(Phase::kTake);
      case isa::Opcode::kGive:
        phase_ = Phase::kLoad;
        return at(now + kCounterMoveCycles + 1);
      default:
        phase_ = Phase::kLast;
        at(now + job.work_cycles);
    }
  }
  void ask(Phase phase) {
    phase_ = phase;
    database->request(*this, port_);
  }
  void happen(std::int64_t) override {
    if (phase_ == Phase::kRead || phase_ == Phase::kLoad) return ask(Phase::kLast);
    work_done();
    end();
  }

  int port_;
  Phase phase_ = Phase::kRead;
};

}  // namespace anzan::models::clocked
