// A run from its directory: what it was configured to be, and its weights on cores of their own.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "compiler/compiler.hpp"
#include "sim/configuration/configuration.hpp"
#include "sim/engines/functional_engine.hpp"
#include "sim/training/trainer.hpp"

namespace anzan::sim {

class TrainedRun {
 public:
  // DIR/config.json as changed by the overrides, with the weights of DIR/checkpoint.bin. The functional
  // engine runs them, whatever the run was made with: all give the same bits. Throws InputError if either is
  // missing or wrong, or the weights are of another network, precision or chip.
  TrainedRun(const std::filesystem::path& directory, const std::vector<Override>& overrides,
             models::Watch watch);

  const Configuration& configuration() const { return configuration_; }
  Trainer& trainer() { return trainer_; }
  std::int64_t step() const { return step_; }  // after which the weights are

 private:
  Configuration configuration_;
  compiler::CompiledModel model_;
  FunctionalEngine engine_;
  Trainer trainer_;
  std::int64_t step_ = 0;
};

}  // namespace anzan::sim
