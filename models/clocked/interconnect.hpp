// What joins the cores of a system: messages in the clocked world. It learns of a put in the cycle of its
// last row, and tells the receiver in the cycle in which the last row is written there. Page:
// network_unit.md.
#pragma once
#include <cstdint>
#include <exception>
#include <systemc>
#include <vector>

#include "models/clocked/clock.hpp"
#include "models/clocked/job.hpp"
#include "models/clocked/messages.hpp"

namespace anzan::models::clocked {

class ArrivalFace {
 public:
  virtual ~ArrivalFace() = default;
  virtual void arrived(std::uint32_t semaphores) = 0;  // they count from the next cycle on
};

class Interconnect : public sc_core::sc_module {
 public:
  SC_HAS_PROCESS(Interconnect);
  // A row of FP32 has `line_bytes`; the rest as Messages.
  Interconnect(const sc_core::sc_module_name& name, const Clock& clock, int line_bytes,
               const ChipsNetwork& network, const PacketFormat& packet, const Alike& alike);

  // Of each simulated core, in order.
  void attach(ArrivalFace& core) { receivers_.push_back(&core); }
  void restart(SystemObserver* observer);  // null: nobody watches the run

  void send(int core, const Job& put);  // in cycle W of the put

  std::vector<LinkCounters> counters() const { return messages_.counters(); }  // of the run, by link
  const std::exception_ptr& failure() const { return failure_; }

 private:
  void wake();
  void step(std::int64_t now);
  void notify(std::int64_t now);

  const Clock& clock_;
  int line_bytes_;
  Messages messages_;
  std::vector<ArrivalFace*> receivers_;
  sc_core::sc_event wake_;
  std::exception_ptr failure_;
};

}  // namespace anzan::models::clocked
