// The cores of a system, each with the executor of its instructions. They speak to each other by puts only.
// When which core does what, an engine says (engine.hpp).
#pragma once
#include <cstdint>
#include <memory>
#include <vector>

#include "compiler/compiler.hpp"
#include "models/core.hpp"
#include "sim/engines/executor.hpp"

namespace anzan::sim {

class Cores {
 public:
  // Throws as models::Core and Executor.
  Cores(int cores, const compiler::ChipParameters& chip, std::int64_t hbm_lines, int threads);

  int size() const { return static_cast<int>(cores_.size()); }
  models::Core& core(int number) { return *cores_.at(static_cast<std::size_t>(number)); }
  Executor& executor(int number) { return *executors_.at(static_cast<std::size_t>(number)); }

 private:
  std::vector<std::unique_ptr<models::Core>> cores_;
  std::vector<std::unique_ptr<Executor>> executors_;
};

}  // namespace anzan::sim
