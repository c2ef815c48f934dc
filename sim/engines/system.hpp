// The cores of a system, each with the functional engine that executes its instructions. They speak to each
// other by puts only.
#pragma once
#include <cstdint>
#include <memory>
#include <vector>

#include "compiler/compiler.hpp"
#include "models/core.hpp"
#include "sim/engines/functional_engine.hpp"

namespace anzan::sim {

class System {
 public:
  // Throws as models::Core and FunctionalEngine.
  System(int cores, const compiler::ChipParameters& chip, std::int64_t hbm_lines, int threads);

  int size() const { return static_cast<int>(cores_.size()); }
  models::Core& core(int number) { return *cores_.at(static_cast<std::size_t>(number)); }
  FunctionalEngine& values(int number) { return *values_.at(static_cast<std::size_t>(number)); }

  // Runs one program on each core, the cores in turn, each as far as it comes. Throws isa::ProgramError as
  // FunctionalEngine, and where all that have not ended wait for each other.
  void run(std::vector<LoadedProgram>& programs);

 private:
  std::vector<std::unique_ptr<models::Core>> cores_;
  std::vector<std::unique_ptr<FunctionalEngine>> values_;
};

}  // namespace anzan::sim
