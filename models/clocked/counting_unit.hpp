// Tensor unit and vector unit: their time is a formula of the descriptor; after the last write they add what
// the analysis block has counted to the statistics database. Pages: tensor_unit.md, vector_unit.md.
#pragma once
#include "models/clocked/timed_unit.hpp"

namespace anzan::models::clocked {

class CountingUnit : public TimedUnit, public DatabaseUser {
 public:
  sc_core::sc_port<DatabaseFace> database;

  // `port`: of the database; a lower one is served first.
  CountingUnit(const sc_core::sc_module_name& name, const Clock& clock, int port)
      : TimedUnit(name, clock), port_(port) {}

  void granted(std::int64_t last_cycle) override {
    granted_values();
    at(last_cycle);
  }
  int slot() const override { return job().slot; }

 private:
  void begin(const Job& job, std::int64_t now) override {
    merging_ = false;
    at(now + job.work_cycles);
  }
  void happen(std::int64_t) override {
    if (!merging_) work_done();
    if (merging_ || !job().merges) return end();
    merging_ = true;
    database->request(*this, port_);
  }

  int port_;
  bool merging_ = false;
};

}  // namespace anzan::models::clocked
