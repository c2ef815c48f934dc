// Executes encoded instructions on a core, values only, at native speed. What an instruction means stands in
// models/; the executor plans it once. Several threads execute instructions that do not depend on each other
// side by side, or share one. Memories, settings, statistics and semaphores end with the same bits as in
// program order.
#pragma once
#include <cstdint>
#include <optional>
#include <vector>

#include "compiler/schedule/edges.hpp"
#include "isa/program.hpp"
#include "models/core.hpp"
#include "models/kernels/kernels.hpp"
#include "models/work_observer.hpp"
#include "sim/engines/planned_instruction.hpp"
#include "sim/engines/thread_team.hpp"

namespace anzan::sim {

class Dispatcher;

// A program that has been decoded and checked for one core. Belongs to the executor that made it.
class LoadedProgram {
 public:
  // As they are executed: see Order.
  const isa::Program& instructions() const { return instructions_; }
  std::int64_t dropped_copies() const;

 private:
  friend class Executor;
  friend class Dispatcher;
  struct Step {
    std::size_t word;  // where it begins
    std::uint32_t wait, signal;
    isa::Opcode opcode;
    bool dropped;  // has nothing to do (direct_hbm.hpp)
  };
  // Which instructions must have ended before which others may start.
  struct Dependencies {
    std::vector<std::uint32_t> before;  // how many hold each one back
    compiler::Edges after;              // which ones each holds back
  };
  LoadedProgram() = default;
  isa::ProgramError::Place place(std::size_t instruction) const;
  bool has_puts() const;
  isa::Program instructions_;
  std::vector<Step> steps_;
  bool hbm_follows_ = false;                  // operands may lie in HBM
  std::vector<PlannedInstruction> plans_;     // of each instruction, or of none
  std::optional<Dependencies> dependencies_;  // none: it is executed in program order
  std::vector<std::uint32_t> held_back_;      // of `before`, those that have not been executed yet
};

class Executor {
 public:
  // The core must outlive the executor. `kernels` is for tests and benchmarks; null takes the fastest that
  // this processor has. Throws std::invalid_argument if `threads` is below 1 or `kernels` are for other
  // lanes.
  Executor(models::Core& core, int threads, const models::kernels::KernelSet* kernels = nullptr);
  ~Executor();

  // Throws isa::ProgramError, naming instruction and field, for words that do not decode, an address outside
  // its memory anywhere in its loops, rows, lanes, masks or counts outside their limits, a put to another
  // core, and a program that does not end with `end`.
  // With several threads it finds what depends on what, by the lines and slots that instructions touch, in
  // one to two microseconds an instruction. A program with puts stays in program order: what they write is
  // not seen here. The plans of more than `most_plans` instructions are not kept: each is made anew when it
  // is executed. A plan takes a kilobyte, and a microsecond to make.
  // A program that is to be executed in program order, by run() and run_from() alone, is loaded for it where
  // that is worth the time: instructions read and write HBM instead of what copies would move
  // (direct_hbm.hpp), if this core is alone and the program has no puts. The scratchpad is then as in program
  // order where the program has ended.
  static constexpr std::size_t kMostPlans = 500000;
  enum class Order { kAny, kOfProgram };
  LoadedProgram load(const std::vector<std::uint32_t>& words, Order order = Order::kAny,
                     std::size_t most_plans = kMostPlans) const;

  // Executes the program up to its `end`. Throws isa::ProgramError for a wait on a semaphore that is zero (in
  // program order no other instruction can raise it) and for a slot whose width does not fit the format that
  // an instruction writes. Of several errors it is the first in program order, what comes before has then
  // been executed, and of what follows perhaps some.
  void run(LoadedProgram& program);

  // Puts go to these cores, all of one size, by their numbers; this executor's own is among them. Must
  // precede load. Without it the core is alone, with number 0.
  void join(std::vector<models::Core*> system) { system_ = std::move(system); }

  // Executes instructions from number `next` on up to `end`, and returns true, or up to a wait on a semaphore
  // that is zero, which another core may yet raise. `next` becomes the first that has not been executed.
  bool run_from(LoadedProgram& program, std::size_t& next);

  // Executes one instruction, whatever its semaphores say: for an engine that orders them by time. Throws
  // isa::ProgramError for a slot whose width does not fit. Where `rows` is given, what the instruction
  // analyses goes there row by row, in one thread, instead of being counted: for an executor with generic
  // kernels. The program may be that of another executor on the same core, and must be loaded for any order.
  void run_one(LoadedProgram& program, std::size_t instruction,
               const models::kernels::RowTaker* rows = nullptr);

  // From now on, this is told of every instruction that is executed.
  void watch(models::Watch watch) { watch_ = watch; }
  const models::Watch& watched_by() const { return watch_; }

  const models::kernels::KernelSet& kernels() const { return *kernels_; }

 private:
  friend class Dispatcher;
  PlannedInstruction plan(const isa::Instruction& instruction, bool hbm_follows) const;
  void use_hbm_directly(LoadedProgram& loaded) const;
  void add_dependencies(LoadedProgram& loaded) const;
  void run(Dispatcher& dispatcher);

  models::Core& core_;
  std::vector<models::Core*> system_;
  const models::kernels::KernelSet* kernels_;
  ThreadTeam team_;
  models::Watch watch_;
};

}  // namespace anzan::sim
