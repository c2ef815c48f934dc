// Puts between cores as messages in a network, in clock cycles and without SystemC: when each enters the
// network, and in which cycles its rows are written at its receiver. Page: network_unit.md.
#pragma once
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "models/clocked/system.hpp"
#include "models/clocked/system_observer.hpp"
#include "models/network/chips.hpp"
#include "models/network/network.hpp"

namespace anzan::models::clocked {

class Messages {
 public:
  struct Put {
    int core = 0, receiver = 0;  // another one
    std::int64_t rows = 0, bytes = 0;
    std::uint32_t semaphores = 0;  // raised at the receiver
    std::size_t instruction = 0;   // place in its program, for who watches
  };
  // What has arrived whole: a row a cycle from `first` to `last`, and then its semaphores.
  struct Writing {
    std::uint64_t number;  // of the put
    std::int64_t first, last;
    std::uint32_t semaphores;
  };

  // `alike`: as of ClockedSystem; whether what all chips send at the same time arrives at the same time is
  // checked for every message.
  Messages(std::int64_t clock_period_fs, const ChipsNetwork& network, const PacketFormat& packet,
           const Alike& alike);
  Messages(const Messages&) = delete;
  Messages& operator=(const Messages&) = delete;

  void restart(SystemObserver* observer = nullptr);  // null: nobody watches the run

  // The put's last row leaves in this cycle, W; the message enters the network in the next. Returns the put's
  // number; of one core, those of later puts are higher.
  std::uint64_t send(const Put& put, std::int64_t now);

  // Cycle `now` begins; those in which next() says that nothing happens can be left out. Throws NotAlike.
  void step(std::int64_t now);
  // The next cycle after `now` in which something happens in the network.
  std::optional<std::int64_t> next(std::int64_t now) const;

  // What is to be written at a simulated core, in order; those that are through are the caller's to remove.
  std::deque<Writing>& writing(int core) { return writing_[static_cast<std::size_t>(core)]; }
  bool idle() const;  // nothing is under way, nor to be written

  // Of the run: by link, as the network numbers them.
  std::vector<LinkCounters> counters() const;

 private:
  struct Sent {
    std::uint64_t number;
    std::int64_t cycle;
    Put put;
  };
  struct Flight {
    std::uint64_t number = 0;
    Put put;
    int source = -1, receiver = -1;  // of the message that goes to a simulated core
    std::int64_t under_way = 0, time_fs = -1;
  };

  void inject(std::int64_t now);
  void delivered(std::uint64_t id, std::int64_t time_fs);

  std::int64_t period_fs_;
  ChipsNetwork parameters_;
  PacketFormat packet_;
  Alike alike_;
  std::unique_ptr<Network> network_;
  SystemObserver* observer_ = nullptr;
  std::vector<Sent> sent_;  // and not injected
  std::uint64_t puts_ = 0;
  std::map<std::uint64_t, Flight> flights_;   // by the last of the messages that are to arrive together
  std::vector<std::deque<Writing>> writing_;  // of each simulated core
};

}  // namespace anzan::models::clocked
