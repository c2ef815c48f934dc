// The statistics database's port: one user at a time, kMergeCycles each, the lowest port first. Page:
// statistics_database.md.
#pragma once
#include <array>
#include <cstdint>
#include <systemc>
#include <vector>

#include "models/clocked/clock.hpp"
#include "models/clocked/faces.hpp"
#include "models/program_timing.hpp"

namespace anzan::models::clocked {

class StatisticsDatabasePort : public sc_core::sc_module, public DatabaseFace {
 public:
  SC_HAS_PROCESS(StatisticsDatabasePort);
  static constexpr int kPorts = 3;  // tensor unit, vector unit, settings optimiser

  StatisticsDatabasePort(const sc_core::sc_module_name& name, const Clock& clock);

  void restart();
  void request(DatabaseUser& user, int port) override;
  std::int64_t wait_cycles() const { return wait_cycles_; }
  void log_grants(std::vector<DatabaseGrant>* log) { grants_ = log; }  // null: no longer
  void trace(sc_core::sc_trace_file* file) const override;

 private:
  struct Request {
    DatabaseUser* user = nullptr;
    std::int64_t cycle = 0;
  };
  void arbitrate();

  const Clock& clock_;
  sc_core::sc_event wake_;
  std::array<Request, kPorts> requests_;
  std::int64_t busy_to_ = -1;  // last cycle of the grant
  std::int64_t wait_cycles_ = 0;
  std::vector<DatabaseGrant>* grants_ = nullptr;
  unsigned owner_ = kPorts;  // for the waveform; kPorts: nobody yet
};

}  // namespace anzan::models::clocked
