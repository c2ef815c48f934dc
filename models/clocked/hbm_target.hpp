// HBM behind a TLM-2.0 socket: answers a transaction with the time that its lines take. Page: ../hbm.md.
#pragma once
#include <tlm_utils/simple_target_socket.h>

#include <systemc>
#include <tlm>

#include "models/clocked/clock.hpp"
#include "models/clocked/memory_walk.hpp"
#include "models/hbm.hpp"

namespace anzan::models::clocked {

class HbmTarget : public sc_core::sc_module {
 public:
  tlm_utils::simple_target_socket_optional<HbmTarget> socket;  // nobody, where requests come one by one

  HbmTarget(const sc_core::sc_module_name& name, const Clock& clock, const HbmParameters& parameters,
            int lanes);

  void restart() { hbm_.reset(); }  // the step barrier
  Hbm& memory() { return hbm_; }    // for single requests
  // Up to the end of a program of `cycles` cycles.
  HbmCounters counters(std::int64_t cycles) {
    hbm_.advance(cycles);
    return hbm_.counters();
  }

 private:
  // Blocking and temporally decoupled: a transaction carries a MemoryWalk and is answered at once, `delay`
  // grown by what it takes. Without a walk it is refused.
  void transport(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay);

  const Clock& clock_;
  Hbm hbm_;
};

}  // namespace anzan::models::clocked
