// The DMA: copies between scratchpad and HBM ask for a line a cycle, with a limit on what is on its way;
// copies within the scratchpad and transposes are formulas. Page: dma.md.
#pragma once
#include <tlm_utils/simple_initiator_socket.h>

#include <tlm>

#include "models/clocked/memory_walk.hpp"
#include "models/clocked/timed_unit.hpp"

namespace anzan::models::clocked {

class Dma : public TimedUnit {
 public:
  tlm_utils::simple_initiator_socket<Dma> memory;

  // `outstanding`: requests on their way at most, at least 1.
  Dma(const sc_core::sc_module_name& name, const Clock& clock, int outstanding, int lanes);
  ~Dma() override;

 private:
  void begin(const Job& job, std::int64_t now) override;
  void happen(std::int64_t now) override;

  int line_bytes_;
  tlm::tlm_generic_payload payload_;
  MemoryWalk walk_;
};

}  // namespace anzan::models::clocked
