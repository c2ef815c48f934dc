// Plans instructions when a program is loaded, and shares the iterations of each over the team.
#include "sim/engines/executor.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <utility>
#include <variant>

#include "models/counter_moves.hpp"
#include "models/dma.hpp"
#include "models/instruction_error.hpp"
#include "models/settings_optimiser.hpp"
#include "models/tensor_unit.hpp"
#include "models/vector_unit.hpp"

namespace anzan::sim {
namespace {

struct PutPlan {
  models::CopyPlan copy;
  std::size_t core;
  std::uint32_t remote_signal;
};

using AnyPlan = std::variant<isa::End, models::CopyPlan, models::TransposePlan, models::TensorPlan,
                             models::VectorPlan, isa::Update, isa::Settle, isa::Take, isa::Give, PutPlan>;

// Makes the plan of each kind of instruction.
struct Planner {
  models::MemorySizes sizes;
  std::size_t cores;

  AnyPlan operator()(const isa::End& i) const { return i; }
  AnyPlan operator()(const isa::Update& i) const { return i; }
  AnyPlan operator()(const isa::Settle& i) const { return i; }
  AnyPlan operator()(const isa::Take& i) const { return checked(i); }
  AnyPlan operator()(const isa::Give& i) const { return checked(i); }
  AnyPlan operator()(const isa::Put& i) const {
    if (i.core >= cores)
      throw models::InstructionError("core", std::to_string(i.core),
                                     cores == 1 ? "0, the only core" : "below " + std::to_string(cores));
    return PutPlan{plan(i, sizes, sizes), i.core, i.remote_signal};
  }
  template <class Instruction>
  AnyPlan operator()(const Instruction& i) const {
    return plan(i, sizes);
  }

 private:
  template <class Instruction>
  AnyPlan checked(const Instruction& i) const {
    check(i, sizes);
    return i;
  }
};

// Work below which handing it to other threads costs more than it saves, in clock cycles.
constexpr double kWorthSharing = 12000;
constexpr double kPieceWork = 8000;
// Long pieces are whole blocks of rows, as the kernels of the vector unit work on: a piece then begins with a
// line.
constexpr std::int64_t kBlock = 32;

}  // namespace

struct LoadedProgram::Step {
  std::size_t word;  // where it begins
  std::uint32_t wait, signal;
};
struct LoadedProgram::Planned {
  AnyPlan plan;
};

LoadedProgram::LoadedProgram() = default;
LoadedProgram::LoadedProgram(LoadedProgram&&) noexcept = default;
LoadedProgram& LoadedProgram::operator=(LoadedProgram&&) noexcept = default;
LoadedProgram::~LoadedProgram() = default;

isa::ProgramError::Place LoadedProgram::place(std::size_t instruction) const {
  isa::ProgramError::Place place;
  place.instruction = instruction;
  place.word = steps_[instruction].word;
  return place;
}

// Executes one planned instruction.
struct Executor::Visitor {
  models::Core& core;
  const std::vector<models::Core*>& system;
  const models::kernels::KernelSet& kernels;
  ThreadTeam& team;
  const models::kernels::RowTaker* rows;

  void operator()(const isa::End&) const {}
  void operator()(const isa::Update& i) const {
    update(core.settings.slot(i.slot), core.statistics.window(i.slot));
  }
  void operator()(const isa::Settle& i) const { core.settings.settle(i.slot); }
  void operator()(const isa::Take& i) const { models::execute(i, core); }
  void operator()(const isa::Give& i) const { models::execute(i, core); }
  void operator()(models::CopyPlan& plan) const { move(plan, core); }
  void operator()(PutPlan& plan) const { move(plan.copy, *system[plan.core]); }
  void move(models::CopyPlan& plan, models::Core& destination) const {
    bind(plan, core, destination);
    share(plan, [&](int, std::int64_t first, std::int64_t last) { execute(plan, kernels, first, last); });
  }
  void operator()(models::TransposePlan& plan) const {
    bind(plan, core);
    share(plan, [&](int, std::int64_t first, std::int64_t last) { execute(plan, kernels, first, last); });
  }
  void operator()(models::TensorPlan& plan) const { counted(plan); }
  void operator()(models::VectorPlan& plan) const { counted(plan); }

  template <class CountedPlan>
  void counted(CountedPlan& plan) const {
    bind(plan, core);
    plan.job.output.rows = rows;
    models::LocalStatistics own;
    std::vector<models::LocalStatistics> others(static_cast<std::size_t>(team.size()) - 1);
    share(plan, [&](int member, std::int64_t first, std::int64_t last) {
      execute(plan, kernels, first, last, member == 0 ? own : others[static_cast<std::size_t>(member) - 1]);
    });
    if (!plan.job.output.analyse) return;
    for (const models::LocalStatistics& other : others) own.add(other);
    core.statistics.merge(plan.slot_o, own);
  }

  template <class Task>
  void share(const models::Plan& plan, const Task& task) const {
    const double work = plan.work * static_cast<double>(plan.iterations);
    if (team.size() == 1 || !plan.independent || work < kWorthSharing || plan.iterations < 2)
      return task(0, 0, plan.iterations);
    const double pieces = std::min(work / kPieceWork, 4.0 * team.size());
    auto grain = static_cast<std::int64_t>(static_cast<double>(plan.iterations) / pieces) + 1;
    if (grain > kBlock) grain = (grain + kBlock - 1) / kBlock * kBlock;
    team.run(plan.iterations, grain, task);
  }
};

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

LoadedProgram Executor::load(const std::vector<std::uint32_t>& words, std::size_t most_plans) const {
  LoadedProgram loaded;
  loaded.instructions_ = isa::decode(words);
  const isa::Program& program = loaded.instructions_;
  const Planner planner{models::MemorySizes(core_), system_.size()};
  const bool keeps = program.size() <= most_plans;
  loaded.steps_.reserve(program.size());
  if (keeps) loaded.plans_.reserve(program.size());
  isa::ProgramError::Place place;
  for (const isa::Instruction& instruction : program) {
    try {
      check_slots(instruction, planner.sizes);
      AnyPlan plan = std::visit(planner, instruction);
      if (keeps) loaded.plans_.push_back({std::move(plan)});
      loaded.steps_.push_back({place.word, isa::wait(instruction), isa::signal(instruction)});
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
  return loaded;
}

void Executor::run(LoadedProgram& program) {
  std::size_t next = 0;
  if (run_from(program, next)) return;
  isa::ProgramError::Place place = program.place(next);
  place.field = "wait";
  throw isa::ProgramError(place, "a semaphore that is zero", "semaphores that earlier instructions raised");
}

bool Executor::run_from(LoadedProgram& program, std::size_t& next) {
  for (;; ++next) {
    const LoadedProgram::Step& step = program.steps_.at(next);
    if (!core_.take(step.wait)) return false;
    run_one(program, next);
    const isa::Instruction& instruction = program.instructions_[next];
    if (const auto* put = std::get_if<isa::Put>(&instruction)) system_[put->core]->raise(put->remote_signal);
    core_.raise(step.signal);
    if (!std::holds_alternative<isa::End>(instruction)) continue;
    ++next;
    return true;
  }
}

void Executor::run_one(LoadedProgram& program, std::size_t instruction,
                       const models::kernels::RowTaker* rows) {
  if (rows != nullptr && (team_.size() > 1 || kernels_ != models::kernels::generic_kernels(core_.lanes())))
    throw std::invalid_argument("executor: only one thread with generic kernels hands rows on");
  watch_.done();
  const Visitor visitor{core_, system_, *kernels_, team_, rows};
  try {
    if (!program.plans_.empty()) {
      std::visit(visitor, program.plans_.at(instruction).plan);
    } else {
      AnyPlan plan = std::visit(Planner{models::MemorySizes(core_), system_.size()},
                                program.instructions_.at(instruction));
      std::visit(visitor, plan);
    }
  } catch (const models::InstructionError& error) {
    isa::ProgramError::Place place = program.place(instruction);
    place.field = error.field();
    throw isa::ProgramError(place, error.found(), error.expected());
  }
}

}  // namespace anzan::sim
