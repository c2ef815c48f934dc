// Updates that vanish: a parameter whose stored value stays what it was although its update was not zero.
// The host's observation, between two steps: the chip counts the updates that are zero (the statistics of the
// momentum, where that is the update before it is narrowed, else of the update itself), the host compares
// what is stored before and after a step. So it costs the chip nothing and is the same in every engine.
// Exact, but in a step in which the parameter's binary point becomes coarser: values without an update may
// change then, and count as if they had one, so that fewer updates seem to vanish.
#pragma once
#include <cstdint>
#include <vector>

#include "compiler/compiler.hpp"
#include "sim/engines/cores.hpp"

namespace anzan::sim {

// Of one parameter in one step.
struct Updates {
  int slot = 0;              // of the tensor that is updated
  std::uint64_t wanted = 0;  // that were not zero
  std::uint64_t vanished = 0;
};

class UpdateWatch {
 public:
  // Both must outlive this.
  UpdateWatch(const compiler::CompiledModel& model, Cores& cores);

  // Before a step. The totals of the updates in `whole`, the core that has what all have counted, begin anew.
  void before(models::Core& whole);
  // After it, when `whole` has the counts of all.
  std::vector<Updates> after(const models::Core& whole) const;

 private:
  struct Part {
    models::Core* core;
    const compiler::TensorInfo* tensor;
    std::vector<std::uint8_t> stored;
    int point = 0;
  };
  struct Parameter {
    int slot, update_slot;
    std::vector<Part> parts;
  };
  Parameter& parameter_of(int slot, int update_slot);
  static std::uint64_t changed(const Part& part);

  std::vector<Parameter> parameters_;
};

}  // namespace anzan::sim
