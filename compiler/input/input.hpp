// All that a compilation is given.
#pragma once
#include "compiler/input/memory.hpp"
#include "compiler/input/network.hpp"
#include "compiler/input/parameters.hpp"
#include "compiler/input/precision.hpp"
#include "compiler/input/system.hpp"

namespace anzan::compiler {

struct Input {
  Network network;
  Precision precision;
  TrainingParameters training;
  ChipParameters chip;
  SystemParameters system = {};  // one core
  bool two_steps = false;        // CompiledModel::two_steps_in_core also for a core that exchanges nothing
  MemoryParameters memory = {};
};

}  // namespace anzan::compiler
