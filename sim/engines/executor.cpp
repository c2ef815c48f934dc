// Plans instructions when a program is loaded; takes semaphores in program order, and has the rest
// dispatched.
#include "sim/engines/executor.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <utility>

#include "compiler/schedule/dependencies.hpp"
#include "models/instruction_error.hpp"
#include "sim/engines/direct_hbm.hpp"
#include "sim/engines/dispatcher.hpp"

namespace anzan::sim {

isa::ProgramError::Place LoadedProgram::place(std::size_t instruction) const {
  isa::ProgramError::Place place;
  place.instruction = instruction;
  place.word = steps_[instruction].word;
  return place;
}

Executor::Executor(models::Core& core, int threads, const models::kernels::KernelSet* kernels)
    : core_(core),
      system_{&core},
      kernels_(kernels != nullptr ? kernels : &models::kernels::best_kernels(core.lanes())),
      team_(threads) {
  if (kernels_->lanes != core.lanes())
    throw std::invalid_argument("executor: found kernels for " + std::to_string(kernels_->lanes) +
                                " lanes, expected " + std::to_string(core.lanes()));
}

Executor::~Executor() = default;

std::int64_t LoadedProgram::dropped_copies() const {
  return std::count_if(steps_.begin(), steps_.end(), [](const Step& step) { return step.dropped; });
}

bool LoadedProgram::has_puts() const {
  return std::any_of(instructions_.begin(), instructions_.end(),
                     [](const isa::Instruction& i) { return std::holds_alternative<isa::Put>(i); });
}

LoadedProgram Executor::load(const std::vector<std::uint32_t>& words, Order order,
                             std::size_t most_plans) const {
  LoadedProgram loaded;
  loaded.instructions_ = isa::decode(words);
  const isa::Program& program = loaded.instructions_;
  const models::MemorySizes sizes(core_);
  const bool keeps = program.size() <= most_plans;
  const bool directly = order == Order::kOfProgram && system_.size() == 1 && !loaded.has_puts();
  PlanTables tables;
  const auto keep = [&](PlannedInstruction planned) {
    share(planned, tables);
    loaded.plans_.push_back(std::move(planned));
  };
  loaded.steps_.reserve(program.size());
  if (keeps) loaded.plans_.reserve(program.size());
  isa::ProgramError::Place place;
  for (const isa::Instruction& instruction : program) {
    try {
      check_slots(instruction, sizes);
      PlannedInstruction planned = plan(instruction, false);
      if (keeps && !directly) keep(std::move(planned));
      loaded.steps_.push_back(
          {place.word, isa::wait(instruction), isa::signal(instruction), isa::opcode(instruction), false});
    } catch (const models::InstructionError& error) {
      place.field = error.field();
      throw isa::ProgramError(place, error.found(), error.expected());
    }
    ++place.instruction;
    place.word += static_cast<std::size_t>(isa::info(instruction).words);
  }
  if (program.empty() || isa::opcode(program.back()) != isa::Opcode::kEnd) {
    place.field = "opcode";
    throw isa::ProgramError(place, "the end of the words", "end");
  }
  if (directly) {
    use_hbm_directly(loaded);
    for (std::size_t i = 0; keeps && i < program.size(); ++i) keep(plan(program[i], true));
  }
  if (team_.size() > 1) add_dependencies(loaded);
  return loaded;
}

void Executor::use_hbm_directly(LoadedProgram& loaded) const {
  DirectProgram direct = with_direct_hbm(loaded.instructions_, models::MemorySizes(core_));
  loaded.instructions_ = std::move(direct.program);
  for (std::size_t i = 0; i < direct.dropped.size(); ++i) loaded.steps_[i].dropped = direct.dropped[i];
  loaded.hbm_follows_ = true;
}

void Executor::add_dependencies(LoadedProgram& loaded) const {
  if (loaded.has_puts()) return;
  const compiler::Dependencies found =
      compiler::dependencies(loaded.instructions_, core_.lanes(), core_.lines(isa::Space::kScratchpad));
  LoadedProgram::Dependencies& dependencies = loaded.dependencies_.emplace();
  for (std::size_t i = 0; i < found.before.size(); ++i)
    dependencies.before.push_back(static_cast<std::uint32_t>(found.before[i].size()));
  dependencies.after = found.before.reversed();
}

PlannedInstruction Executor::plan(const isa::Instruction& instruction, bool hbm_follows) const {
  models::MemorySizes sizes(core_);
  sizes.hbm_follows = hbm_follows;
  return plan_instruction(instruction, sizes, system_.size());
}

void Executor::run(LoadedProgram& program) {
  std::size_t next = 0;
  if (run_from(program, next)) return;
  isa::ProgramError::Place place = program.place(next);
  place.field = "wait";
  throw isa::ProgramError(place, "a semaphore that is zero", "semaphores that earlier instructions raised");
}

// Semaphores do not order anything here: what they let begin, in program order, is executed all together.
bool Executor::run_from(LoadedProgram& program, std::size_t& next) {
  const std::size_t first = next;
  bool ended = false;
  for (; !ended; ++next) {
    const LoadedProgram::Step& step = program.steps_.at(next);
    if (!core_.take(step.wait)) break;
    if (step.opcode == isa::Opcode::kPut) {
      const auto& put = std::get<isa::Put>(program.instructions_[next]);
      system_[put.core]->raise(put.remote_signal);
    }
    core_.raise(step.signal);
    ended = step.opcode == isa::Opcode::kEnd;
  }
  Dispatcher dispatcher(*this, program, first, next);
  run(dispatcher);
  return ended;
}

void Executor::run_one(LoadedProgram& program, std::size_t instruction,
                       const models::kernels::RowTaker* rows) {
  if (program.hbm_follows_)
    throw std::invalid_argument("executor: found a program loaded for its order, expected one for any");
  if (rows != nullptr && (team_.size() > 1 || kernels_ != models::kernels::generic_kernels(core_.lanes())))
    throw std::invalid_argument("executor: only one thread with generic kernels hands rows on");
  Dispatcher dispatcher(*this, program, instruction, rows);
  run(dispatcher);
}

void Executor::run(Dispatcher& dispatcher) {
  team_.run(dispatcher);
  if (dispatcher.error()) std::rethrow_exception(dispatcher.error());
  watch_.done(dispatcher.untold());
}

}  // namespace anzan::sim
