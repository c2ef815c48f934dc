// The functional engine: values at native speed, and no time. Each core executes its program in order.
#pragma once
#include "sim/engines/engine.hpp"

namespace anzan::sim {

class FunctionalEngine final : public Engine {
 public:
  // Throws isa::ProgramError also where all cores that have not ended wait for each other.
  std::optional<models::clocked::SystemTiming> run(std::vector<LoadedProgram>& programs,
                                                   Cores& cores) override;
  Executor::Order order() const override { return Executor::Order::kOfProgram; }
};

}  // namespace anzan::sim
