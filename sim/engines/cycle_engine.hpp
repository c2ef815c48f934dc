// The cycle engine: the clocked models say when each instruction of each core starts, the executors what it
// does.
#pragma once
#include "models/clocked/system.hpp"
#include "sim/configuration/system_settings.hpp"
#include "sim/engines/engine.hpp"

namespace anzan::sim {

class CycleEngine final : public Engine {
 public:
  // By default of one core. Throws std::invalid_argument for parameters out of range.
  explicit CycleEngine(const models::clocked::CoreParameters& parameters, const SystemOptions& options = {});

  // From now on, what the blocks of a core do is appended to `log`, as ClockedCore::log says.
  void log(int core, models::BlockLog* log) { clock_.log(core, log); }

  // Throws also as ClockedSystem::run.
  std::optional<models::clocked::SystemTiming> run(std::vector<LoadedProgram>& programs,
                                                   Cores& cores) override;

 private:
  models::clocked::ClockedSystem clock_;
};

}  // namespace anzan::sim
