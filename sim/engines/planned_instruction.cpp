// Each kind of instruction by the functions of its unit; and how large the pieces are.
#include "sim/engines/planned_instruction.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "models/counter_moves.hpp"
#include "models/instruction_error.hpp"
#include "models/settings_optimiser.hpp"

namespace anzan::sim {
namespace {

// Makes the plan of each kind of instruction.
struct Planner {
  models::MemorySizes sizes;
  std::size_t cores;

  PlannedInstruction operator()(const isa::End& i) const { return i; }
  PlannedInstruction operator()(const isa::Update& i) const { return i; }
  PlannedInstruction operator()(const isa::Settle& i) const { return i; }
  PlannedInstruction operator()(const isa::Take& i) const { return checked(i); }
  PlannedInstruction operator()(const isa::Give& i) const { return checked(i); }
  PlannedInstruction operator()(const isa::Put& i) const {
    if (i.core >= cores)
      throw models::InstructionError("core", std::to_string(i.core),
                                     cores == 1 ? "0, the only core" : "below " + std::to_string(cores));
    return PutPlan{plan(i, sizes, sizes), i.core};
  }
  template <class Instruction>
  PlannedInstruction operator()(const Instruction& i) const {
    return plan(i, sizes);
  }

 private:
  template <class Instruction>
  PlannedInstruction checked(const Instruction& i) const {
    check(i, sizes);
    return i;
  }
};

struct Sharer {
  PlanTables& tables;

  void operator()(models::TensorPlan& plan) const { tables.steps.share(plan.steps); }
  void operator()(models::VectorPlan& plan) const { tables.offsets.share(plan.offsets); }
  void operator()(models::CopyPlan& plan) const { tables.offsets.share(plan.offsets); }
  template <class Without>
  void operator()(const Without&) const {}
};

// Work below which handing it to other threads costs more than it saves, in clock cycles.
constexpr double kWorthSharing = 12000;
constexpr double kPieceWork = 8000;
// Long pieces are whole blocks of rows, as the kernels of the vector unit work on: a piece then begins with a
// line.
constexpr std::int64_t kBlock = 32;

struct Beginner {
  const Workplace& place;
  int threads;

  template <class Whole>
  Pieces operator()(const Whole&) const {
    return {};
  }
  Pieces operator()(PutPlan& plan) const {
    bind(plan.copy, place.core, *place.system[plan.core]);
    return pieces(plan.copy);
  }
  Pieces operator()(models::CopyPlan& plan) const {
    bind(plan, place.core, place.core);
    return pieces(plan);
  }
  Pieces operator()(models::TransposePlan& plan) const {
    bind(plan, place.core);
    return pieces(plan);
  }
  Pieces operator()(models::TensorPlan& plan) const { return counted(plan); }
  Pieces operator()(models::VectorPlan& plan) const { return counted(plan); }

  template <class CountedPlan>
  Pieces counted(CountedPlan& plan) const {
    bind(plan, place.core);
    plan.job.output.rows = place.rows;
    return pieces(plan);
  }

  Pieces pieces(const models::Plan& plan) const {
    const double work = plan.work * static_cast<double>(plan.iterations);
    if (threads == 1 || !plan.independent || work < kWorthSharing) return {plan.iterations, plan.iterations};
    const double number = std::min(work / kPieceWork, 4.0 * threads);
    auto grain = static_cast<std::int64_t>(static_cast<double>(plan.iterations) / number) + 1;
    if (grain > kBlock) grain = (grain + kBlock - 1) / kBlock * kBlock;
    return {plan.iterations, std::min(grain, plan.iterations)};
  }
};

struct Worker {
  const Workplace& place;
  std::int64_t first, last;
  models::LocalStatistics& statistics;

  void operator()(const isa::End&) const {}
  void operator()(const isa::Update& i) const {
    update(place.core.settings.slot(i.slot), place.core.statistics.window(i.slot));
  }
  void operator()(const isa::Settle& i) const { place.core.settings.settle(i.slot); }
  void operator()(const isa::Take& i) const { models::execute(i, place.core); }
  void operator()(const isa::Give& i) const { models::execute(i, place.core); }
  void operator()(const PutPlan& plan) const { (*this)(plan.copy); }
  void operator()(const models::CopyPlan& plan) const { models::execute(plan, place.kernels, first, last); }
  void operator()(const models::TransposePlan& plan) const {
    models::execute(plan, place.kernels, first, last);
  }
  template <class CountedPlan>
  void operator()(const CountedPlan& plan) const {
    models::execute(plan, place.kernels, first, last, statistics);
  }
};

}  // namespace

PlannedInstruction plan_instruction(const isa::Instruction& instruction, const models::MemorySizes& sizes,
                                    std::size_t cores) {
  return std::visit(Planner{sizes, cores}, instruction);
}

void share(PlannedInstruction& planned, PlanTables& tables) { std::visit(Sharer{tables}, planned); }

Pieces begin(PlannedInstruction& planned, const Workplace& place, int threads) {
  return std::visit(Beginner{place, threads}, planned);
}

void execute(const PlannedInstruction& planned, const Workplace& place, std::int64_t first, std::int64_t last,
             models::LocalStatistics& statistics) {
  std::visit(Worker{place, first, last, statistics}, planned);
}

int analysed_slot(const PlannedInstruction& planned) {
  if (const auto* tensor = std::get_if<models::TensorPlan>(&planned))
    return tensor->job.output.analyse ? tensor->slot_o : -1;
  if (const auto* vector = std::get_if<models::VectorPlan>(&planned))
    return vector->job.output.analyse ? vector->slot_o : -1;
  return -1;
}

}  // namespace anzan::sim
