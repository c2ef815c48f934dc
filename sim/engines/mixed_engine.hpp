// The engine `cycle` with some blocks in RTL: the clocked models and Verilated blocks in one SystemC system.
// For one core.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "models/clocked/core.hpp"
#include "sim/engines/engine.hpp"

namespace anzan::sim {

class MixedEngine final : public Engine {
 public:
  // `rtl`: names of rtl_block_names(); programs use the slots below `slots`. Throws as make_rtl_blocks().
  MixedEngine(const models::clocked::CoreParameters& parameters, const std::vector<std::string>& rtl,
              int slots);
  ~MixedEngine() override;

  // Throws also as ClockedCore::run, and std::invalid_argument unless there is one core.
  std::optional<models::clocked::SystemTiming> run(std::vector<LoadedProgram>& programs,
                                                   Cores& cores) override;

 private:
  models::clocked::ClockedCore clock_;
  models::Core* core_ = nullptr;          // of `handing_on_`
  std::unique_ptr<Executor> handing_on_;  // gives away what others count
};

}  // namespace anzan::sim
