// What the executor keeps of an instruction: checked and planned once, then executed piece by piece, by any
// threads.
#pragma once
#include <cstdint>
#include <variant>
#include <vector>

#include "isa/isa_generated.hpp"
#include "models/core.hpp"
#include "models/dma.hpp"
#include "models/kernels/kernels.hpp"
#include "models/tensor_unit.hpp"
#include "models/vector_unit.hpp"

namespace anzan::sim {

// Of `put`: the rows go to this core.
struct PutPlan {
  models::CopyPlan copy;
  std::size_t core;
};

using PlannedInstruction =
    std::variant<isa::End, models::CopyPlan, models::TransposePlan, models::TensorPlan, models::VectorPlan,
                 isa::Update, isa::Settle, isa::Take, isa::Give, PutPlan>;

// Throws models::InstructionError. `cores`: that the system has.
PlannedInstruction plan_instruction(const isa::Instruction& instruction, const models::MemorySizes& sizes,
                                    std::size_t cores);

// Tables that the plans of a program have alike.
struct PlanTables {
  models::TablePool<std::int32_t> offsets;
  models::TablePool<models::kernels::StepOffset> steps;
};
void share(PlannedInstruction& planned, PlanTables& tables);

// Where instructions are executed, and by what.
struct Workplace {
  models::Core& core;
  const std::vector<models::Core*>& system;
  const models::kernels::KernelSet& kernels;
  const models::kernels::RowTaker* rows;
};

// How the iterations of an instruction are handed out.
struct Pieces {
  std::int64_t iterations = 1, grain = 1;
};

// Takes the settings as they are now; must precede execute. Throws models::InstructionError for a slot whose
// width does not fit.
Pieces begin(PlannedInstruction& planned, const Workplace& place, int threads);

// Executes the iterations [first, last); counts are added to `statistics`.
void execute(const PlannedInstruction& planned, const Workplace& place, std::int64_t first, std::int64_t last,
             models::LocalStatistics& statistics);

// The slot whose values the instruction analyses; -1: none.
int analysed_slot(const PlannedInstruction& planned);

}  // namespace anzan::sim
