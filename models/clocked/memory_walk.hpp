// What a DMA transaction tells the memory besides address and length: which lines it asks for, one a cycle at
// most, in order, and how many may be on their way. An extension of the TLM-2.0 generic payload.
#pragma once
#include <cstdint>
#include <tlm>

#include "models/clocked/job.hpp"

namespace anzan::models::clocked {

struct MemoryWalk : tlm::tlm_extension<MemoryWalk> {
  const Job* job = nullptr;      // its nest and rows
  std::int64_t first_cycle = 0;  // of the first request
  std::int64_t outstanding = 1;  // requests on their way at most
  std::int64_t last_cycle = 0;   // answer: in which the last line has arrived, or has been written

  tlm::tlm_extension_base* clone() const override { return new MemoryWalk(*this); }
  void copy_from(const tlm::tlm_extension_base& other) override {
    *this = static_cast<const MemoryWalk&>(other);
  }
};

}  // namespace anzan::models::clocked
