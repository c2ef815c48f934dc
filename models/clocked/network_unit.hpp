// The network unit, as far as there is one core: rows move from the scratchpad to the scratchpad, one a
// cycle. Page: network_unit.md.
#pragma once
#include "models/clocked/timed_unit.hpp"

namespace anzan::models::clocked {

class NetworkUnit : public TimedUnit {
 public:
  NetworkUnit(const sc_core::sc_module_name& name, const Clock& clock) : TimedUnit(name, clock) {}

 private:
  void begin(const Job& job, std::int64_t now) override { at(now + job.work_cycles); }
  void happen(std::int64_t) override {
    work_done();
    end();
  }
};

}  // namespace anzan::models::clocked
