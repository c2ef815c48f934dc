// The engine `cycle` with some blocks in RTL: the clocked models and Verilated blocks in one SystemC system.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "models/clocked/core.hpp"
#include "sim/engines/timed_engine.hpp"

namespace anzan::sim {

class MixedEngine final : public TimedEngine {
 public:
  // `rtl`: names of rtl_block_names(); programs use the slots below `slots`. Throws as make_rtl_blocks().
  MixedEngine(const models::clocked::CoreParameters& parameters, const std::vector<std::string>& rtl,
              int slots);
  ~MixedEngine() override;

  // Throws as FunctionalEngine::run_one and ClockedCore::run.
  models::ProgramTiming run(LoadedProgram& program, FunctionalEngine& values, models::Core& core) override;

 private:
  models::clocked::ClockedCore clock_;
  models::Core* core_ = nullptr;
  std::unique_ptr<FunctionalEngine> handing_on_;  // gives away what others count; on core_
};

}  // namespace anzan::sim
