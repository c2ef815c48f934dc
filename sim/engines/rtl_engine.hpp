// The rtl engine: the Verilated core executes the programs, a cycle of the SystemC kernel each clock cycle.
#pragma once
#include <memory>

#include "models/clocked/every_cycle.hpp"
#include "sim/engines/timed_engine.hpp"
#include "sim/rtl/core.hpp"

namespace anzan::sim {

class RtlEngine final : public TimedEngine {
 public:
  // For programs that use the slots below `slots`. Throws as make_rtl_core().
  RtlEngine(const models::clocked::CoreParameters& parameters, int slots);

  void wave(const std::string& file) { rtl_->wave(file); }  // as RtlCore::wave

  // Throws as check_rtl_fits() and RtlCore::cycle. HBM, scratchpad, settings and statistics end as the RTL
  // leaves them.
  models::ProgramTiming run(LoadedProgram& program, FunctionalEngine& values, models::Core& core) override;
  models::ProgramTiming run(const isa::Program& program, models::Core& core);

 private:
  int lanes_, slots_;
  std::unique_ptr<RtlCore> rtl_;
  models::clocked::EveryCycle clock_;
};

}  // namespace anzan::sim
