// What a clocked system tells one who watches its run: links packet by packet, and each put between cores
// when it has arrived.
#pragma once
#include <cstddef>
#include <cstdint>

#include "models/network/observer.hpp"

namespace anzan::models::clocked {

// A put to another core, from the instruction to its rows.
struct Transfer {
  int sender = 0;       // was simulated, and stands for `source`
  std::size_t put = 0;  // place in the sender's program
  int source = 0, receiver = 0;
  std::int64_t first_row_cycle = 0, last_row_cycle = 0;  // in which they are written, a row a cycle
};

class SystemObserver : public NetworkObserver {
 public:
  virtual void arrives(const Transfer& transfer) = 0;  // those of one receiver by time
};

}  // namespace anzan::models::clocked
