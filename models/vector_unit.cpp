// Checks vector instructions and gives them to the kernels.
#include "models/vector_unit.hpp"

#include <cmath>
#include <string>

#include "models/affine.hpp"
#include "models/instruction_error.hpp"
#include "models/number_format.hpp"
#include "models/write_back.hpp"

namespace anzan::models {
namespace {

// `name` is the operand's field. Fills the static part; what the operation does not read becomes none.
kernels::Operand plan_operand(const char* name, const isa::Operand& operand, bool used, const isa::Vector& v,
                              const MemorySizes& sizes) {
  kernels::Operand planned{};
  planned.kind = used ? operand.kind : isa::OperandKind::kNone;
  planned.format = operand.format;
  planned.scale = 1.0F;
  const std::string field = std::string(name) + ".at";
  const std::int64_t rows = row_of_line(operand.format, sizes.unit_lines());
  switch (planned.kind) {
    case isa::OperandKind::kNone:
      if (used)
        throw InstructionError(std::string(name) + ".kind", "none",
                               "an operand of " + std::string(isa::name(v.op)));
      return planned;
    case isa::OperandKind::kScalar:
      if (operand.at.base >= isa::kScalars)
        throw InstructionError(field + ".base", std::to_string(operand.at.base),
                               "a scalar below " + std::to_string(isa::kScalars));
      return planned;
    case isa::OperandKind::kRows:
      check_address(field.c_str(), operand.at, v.loops, isa::kLoops, rows);
      break;
    case isa::OperandKind::kBroadcast:
      check_address(field.c_str(), operand.at, v.loops, isa::kLoops, rows * sizes.lanes);
      break;
  }
  const int outer = isa::kLoops - v.reduce;
  planned.at = stream_of(operand.at.base, operand.at.stride, 0, outer);
  planned.fold = stream_of(0, operand.at.stride, outer, isa::kLoops);
  return planned;
}

double work_of(const kernels::VectorJob& job) {
  const double integer_output = is_integer(job.output.format) || job.output.analyse ? 15 : 0;
  return 6 * static_cast<double>(job.fold_count) + 8 + integer_output;
}

}  // namespace

OperandUse operands_of(isa::VectorOp op) {
  switch (op) {
    case isa::VectorOp::kRandom:
      return {false, false, false};
    case isa::VectorOp::kCopy:
    case isa::VectorOp::kF2i:
    case isa::VectorOp::kI2f:
      return {true, false, false};
    case isa::VectorOp::kFma:
    case isa::VectorOp::kFnma:
    case isa::VectorOp::kSelectEq:
    case isa::VectorOp::kSelectGt:
      return {true, true, true};
    default:
      return {true, true, false};
  }
}

VectorPlan plan(const isa::Vector& v, const MemorySizes& sizes) {
  check_loops(v.loops);
  if (v.reduce > isa::kLoops)
    throw InstructionError("reduce", std::to_string(v.reduce), "at most " + std::to_string(isa::kLoops));
  if (v.reduction == isa::Reduction::kNone && v.reduce != 0)
    throw InstructionError("reduce", std::to_string(v.reduce), "0 without a reduction");
  const int outer = isa::kLoops - v.reduce;

  VectorPlan plan;
  kernels::VectorJob& job = plan.job;
  job.output = plan_output(v.out_format, v.mask, v.relu != 0, v.analyse != 0, v.x.lane_stride, sizes.lanes);
  check_address("o", v.o, v.loops, outer, row_of_line(v.out_format, sizes.unit_lines()));
  job.output.past_caches = past_caches(v.out_format, v.o, sizes);
  const OperandUse use = operands_of(v.op);
  job.a = plan_operand("a", v.a, use.a, v, sizes);
  job.b = plan_operand("b", v.b, use.b, v, sizes);
  job.c = plan_operand("c", v.c, use.c, v, sizes);

  job.op = v.op;
  job.reduction = v.reduction;
  job.outer = nest_of(v.loops, 0, outer);
  job.o = stream_of(v.o.base, v.o.stride, 0, outer);
  job.x = stream_of(v.x.base, v.x.stride, 0, outer);
  simplify(job.outer, {&job.a.at, &job.b.at, &job.c.at, &job.o, &job.x});
  job.table = table_of(job.outer, {&job.a.at, &job.b.at, &job.c.at, &job.o, &job.x}, plan.offsets);
  job.fold = nest_of(v.loops, outer, isa::kLoops);
  job.fold_count = iterations(job.fold);
  simplify(job.fold, {&job.a.fold, &job.b.fold, &job.c.fold});

  plan.operands = {0, 0, 0};
  const isa::Operand* const operands[] = {&v.a, &v.b, &v.c};
  for (std::size_t k = 0; k < plan.operands.size(); ++k)
    plan.operands[k] = operands[k]->kind == isa::OperandKind::kScalar ? static_cast<int>(operands[k]->at.base)
                                                                      : operands[k]->slot;
  plan.slot_o = v.slot_o;
  plan.iterations = iterations(job.outer);
  plan.work = work_of(job);
  // That no iteration reads what another writes is the program's duty.
  plan.independent = surely_distinct(job.outer, job.o, 1);
  return plan;
}

void bind(VectorPlan& plan, Core& core) {
  bind_output(plan.job.output, plan.slot_o, core);
  plan.job.table.offsets = plan.offsets->data();
  kernels::Operand* const operands[] = {&plan.job.a, &plan.job.b, &plan.job.c};
  for (std::size_t k = 0; k < plan.operands.size(); ++k) {
    kernels::Operand& operand = *operands[k];
    operand.memory = core.scratchpad();
    if (operand.kind == isa::OperandKind::kScalar)
      operand.bits = core.settings.scalar(plan.operands[k]);
    else if (operand.kind != isa::OperandKind::kNone && is_integer(operand.format))
      operand.scale = std::ldexp(1.0F, -core.settings.slot(plan.operands[k]).q_read);
  }
}

void execute(const VectorPlan& plan, const kernels::KernelSet& kernels, std::int64_t first, std::int64_t last,
             LocalStatistics& statistics) {
  kernels::Counts counts{};
  kernels.vector(plan.job, first, last, counts);
  if (plan.job.output.analyse) add_counts(statistics, counts);
}

}  // namespace anzan::models
