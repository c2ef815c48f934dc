// The cycle engine of many cores: the clocked system says when each instruction of each core starts, the
// functional engines what it does.
#pragma once
#include "models/clocked/system.hpp"
#include "sim/configuration/system_settings.hpp"
#include "sim/engines/timed_engine.hpp"

namespace anzan::sim {

class SystemEngine final : public TimedSystemEngine {
 public:
  SystemEngine(const models::clocked::CoreParameters& parameters, const SystemOptions& options);

  // Throws as FunctionalEngine::run_one and ClockedSystem::run.
  models::clocked::SystemTiming run(std::vector<LoadedProgram>& programs, System& system) override;

 private:
  models::clocked::ClockedSystem clock_;
};

}  // namespace anzan::sim
