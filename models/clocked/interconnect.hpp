// What joins the cores of a system: models/network in the clocked world. A put's message enters the network
// in the cycle after its last row has been read; what has arrived whole is written to the receiver's
// scratchpad, a row a cycle, and with the last row its semaphores are raised. Page: network_unit.md.
#pragma once
#include <cstdint>
#include <deque>
#include <exception>
#include <map>
#include <memory>
#include <stdexcept>
#include <systemc>
#include <vector>

#include "models/clocked/clock.hpp"
#include "models/clocked/job.hpp"
#include "models/clocked/system.hpp"
#include "models/clocked/system_observer.hpp"
#include "models/network/chips.hpp"
#include "models/network/network.hpp"

namespace anzan::models::clocked {

class ArrivalFace {
 public:
  virtual ~ArrivalFace() = default;
  virtual void arrived(std::uint32_t semaphores) = 0;  // they count from the next cycle on
};

class Interconnect : public sc_core::sc_module {
 public:
  SC_HAS_PROCESS(Interconnect);

  // `alike`: as of ClockedSystem; whether what all chips send at the same time arrives at the same time is
  // checked for every message.
  Interconnect(const sc_core::sc_module_name& name, const Clock& clock, const ChipsNetwork& network,
               const PacketFormat& packet, const Alike& alike);

  // Of each simulated core, in order.
  void attach(ArrivalFace& core) { receivers_.push_back(&core); }
  void restart(int line_bytes, SystemObserver* observer);  // null: nobody watches the run

  void send(int core, const Job& put);  // in cycle W of the put

  // Of the run: by link, as the network numbers them.
  std::vector<LinkCounters> counters() const;
  const std::exception_ptr& failure() const { return failure_; }

 private:
  struct Sent {
    int core;
    const Job* put;
  };
  struct Flight {
    Sent sent{};
    int source = -1, receiver = -1;  // of the message that goes to a simulated core
    std::int64_t rows = 0;
    std::uint32_t semaphores = 0;
    std::uint64_t first = 0;  // of the messages that are to arrive together
    std::int64_t under_way = 0, time_fs = -1;
  };
  struct Writing {
    std::int64_t cycle;  // of its last row
    std::uint32_t semaphores;
  };

  void wake();
  void step(std::int64_t now);
  void inject(std::int64_t now);
  void delivered(std::uint64_t id, std::int64_t time_fs);
  void notify(std::int64_t now);

  const Clock& clock_;
  ChipsNetwork parameters_;
  PacketFormat packet_;
  Alike alike_;
  std::vector<ArrivalFace*> receivers_;
  sc_core::sc_event wake_;
  std::unique_ptr<Network> network_;
  SystemObserver* observer_ = nullptr;
  int line_bytes_ = 0;
  std::vector<Sent> sent_;
  std::int64_t sent_cycle_ = -1;
  std::map<std::uint64_t, Flight> flights_;   // by the last of the messages that are to arrive together
  std::vector<std::deque<Writing>> writing_;  // of each receiver
  std::exception_ptr failure_;
};

}  // namespace anzan::models::clocked
