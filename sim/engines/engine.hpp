// What executes programs on the cores of a system; a system of one core is a system. Every engine leaves the
// same bits, and those that know the time the same cycles. Page: README.md.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "models/clocked/system.hpp"
#include "sim/configuration/configuration.hpp"
#include "sim/engines/cores.hpp"

namespace anzan::sim {

class Engine {
 public:
  virtual ~Engine() = default;

  // Runs one program on each core, loaded by its executor, all from cycle 0 on. Returns when each instruction
  // was executed, or nothing from an engine without time. Throws isa::ProgramError as Executor::run_one and
  // where cores wait forever.
  virtual std::optional<models::clocked::SystemTiming> run(std::vector<LoadedProgram>& programs,
                                                           Cores& cores) = 0;

  // In which order it executes the instructions of a core.
  virtual Executor::Order order() const { return Executor::Order::kAny; }

  // From now on all signals go to PREFIX.fst, of core C of several to PREFIX_core_C.fst. Throws
  // std::logic_error from an engine that writes no waveforms (engine_kinds.hpp).
  virtual void wave(const std::string& prefix);
};

// The engine that the configuration names, for programs that use the slots below `slots`. Throws
// std::invalid_argument for RTL of a size that is not built.
std::unique_ptr<Engine> make_engine(const Configuration& configuration, int slots);

}  // namespace anzan::sim
