// The units of the ticking core. `tick` is one cycle after the start; it returns whether it was the last
// write.
#pragma once
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>

#include "isa/isa_generated.hpp"
#include "models/hbm.hpp"

namespace anzan::reference {

class TickingUnit {
 public:
  virtual ~TickingUnit() = default;
  virtual bool tick(std::int64_t cycle) = 0;
};

// A statistics database's port as the settings optimiser needs it.
struct DatabaseLine {
  bool requested = false;        // by the unit, in this cycle
  std::int64_t granted_to = -1;  // last cycle of the grant
};

std::unique_ptr<TickingUnit> ticking_unit(const isa::Instruction& instruction, models::Hbm& hbm,
                                          int outstanding, int lanes, DatabaseLine& database);

}  // namespace anzan::reference
