// The network unit: rows move from the scratchpad to the scratchpad, one a cycle; those for another core go
// to the interconnect as one message. Page: network_unit.md.
#pragma once
#include "models/clocked/interconnect.hpp"
#include "models/clocked/timed_unit.hpp"

namespace anzan::models::clocked {

class NetworkUnit : public TimedUnit {
 public:
  // `interconnect` is null for a core that is alone.
  NetworkUnit(const sc_core::sc_module_name& name, const Clock& clock, int core, Interconnect* interconnect)
      : TimedUnit(name, clock), core_(core), interconnect_(interconnect) {}

 private:
  void begin(const Job& job, std::int64_t now) override { at(now + job.work_cycles); }
  void happen(std::int64_t) override {
    if (job().leaves) interconnect_->send(core_, job());
    work_done();
    end();
  }

  int core_;
  Interconnect* interconnect_;
};

}  // namespace anzan::models::clocked
