// Hands consecutive instructions of a program to the threads of a team. Where the program has its
// dependencies, each thread takes instructions that nothing holds back any more; otherwise they run in
// program order. Either way a thread without an instruction of its own does pieces of one that another has.
// All orders give the same bits.
//
// A thread first takes what its own instructions have made ready: their rows are in its caches.
#pragma once
#include <atomic>
#include <cstdint>
#include <exception>
#include <optional>
#include <vector>

#include "sim/engines/executor.hpp"
#include "sim/engines/planned_instruction.hpp"
#include "sim/engines/thread_team.hpp"

namespace anzan::sim {

class Dispatcher final : public ThreadTeam::Work {
 public:
  // Of the instructions [first, last), all before them having been executed. Semaphores are not its concern.
  Dispatcher(Executor& executor, LoadedProgram& program, std::size_t first, std::size_t last);
  // Of one instruction, whatever has been executed; `rows` as Executor::run_one().
  Dispatcher(Executor& executor, LoadedProgram& program, std::size_t instruction,
             const models::kernels::RowTaker* rows);

  // What the first of them has thrown, in program order; those before it have been executed. Null: all have.
  std::exception_ptr error() const { return error_; }

  // Instructions that the watch has not been told of.
  std::int64_t untold() const { return untold_; }

  bool take_part(ThreadTeam::Lock& lock, int member) override;
  bool over() const override { return running_ == 0 && !any_ready(); }

 private:
  static constexpr std::size_t kNone = ~std::size_t{0};

  // A thread, and the instruction that it has taken.
  struct alignas(64) Member {
    std::vector<std::uint32_t> ready;  // instructions that nothing holds back; a heap, the first in front
    std::size_t instruction = kNone;
    PlannedInstruction* planned = nullptr;
    std::optional<PlannedInstruction> own;  // where plans are not kept
    Pieces pieces;
    int at_work = 0;                                // threads, at this instruction
    bool open = false;                              // to others than the one that has taken it
    alignas(64) std::atomic<std::int64_t> next{0};  // iteration
  };

  Dispatcher(Executor& executor, LoadedProgram& program, std::size_t last, bool in_order,
             const models::kernels::RowTaker* rows);
  std::size_t not_dropped(std::size_t instruction) const;
  bool any_ready() const;
  std::size_t take_ready(Member& self);
  Member* take_open();
  void execute(Member& taken, ThreadTeam::Lock& lock, bool begins, models::LocalStatistics& statistics);
  void plan(Member& taken);
  void finish(Member& taken, Member& self);
  void fail(std::size_t instruction, std::exception_ptr error);

  Executor& executor_;
  LoadedProgram& program_;
  ThreadTeam& team_;
  Workplace place_;
  std::size_t last_;  // lower after an error
  bool in_order_;
  int running_ = 0;          // instructions
  std::int64_t untold_ = 0;  // of instructions begun, to the watch
  std::exception_ptr error_;
  std::vector<Member> members_;
};

}  // namespace anzan::sim
