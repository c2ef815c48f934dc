// Settings store and settings optimiser: `update` reads a slot's statistics, decides and writes them back;
// `settle` moves one binary point. Page: settings_unit.md.
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
    at(phase_ == Phase::kRead ? last_cycle + kScanCycles : last_cycle);
  }
  int slot() const override { return job().slot; }

 private:
  enum class Phase { kRead, kWrite, kSettle };

  void begin(const Job& job, std::int64_t now) override {
    phase_ = job.updates ? Phase::kRead : Phase::kSettle;
    if (job.updates)
      database->request(*this, port_);
    else
      at(now + job.work_cycles);
  }
  void happen(std::int64_t) override {
    if (phase_ == Phase::kRead) {
      phase_ = Phase::kWrite;
      return database->request(*this, port_);
    }
    work_done();
    end();
  }

  int port_;
  Phase phase_ = Phase::kRead;
};

}  // namespace anzan::models::clocked
