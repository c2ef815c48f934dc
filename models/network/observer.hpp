// Who watches a network is told of every packet on every link. Nobody watching costs a comparison a packet.
#pragma once
#include <cstdint>

namespace anzan::models {

struct Occupation {  // of a link by one packet: nothing else is on it in [begin_fs, end_fs)
  int link = 0;
  std::int64_t begin_fs = 0, end_fs = 0, bytes = 0;  // header included
  std::uint64_t message = 0;                         // its id
  int source = 0, destination = 0;                   // of the message
};

class NetworkObserver {
 public:
  virtual ~NetworkObserver() = default;
  // Those of one link in the order of time, those of different links by begin_fs.
  virtual void carries(const Occupation& occupation) = 0;
};

}  // namespace anzan::models
