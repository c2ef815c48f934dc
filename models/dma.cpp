// Checks copies, puts and transposes and gives them to the kernels; whole lines move as lines.
#include "models/dma.hpp"

#include <string>

#include "models/affine.hpp"
#include "models/instruction_error.hpp"
#include "models/number_format.hpp"

namespace anzan::models {
namespace {

// Of the host, for each word of a line that goes to its memory or comes from it: some 11 GB/s.
constexpr double kMemoryCycles = 0.8;

// Rows that move in whole lines move as lines: the innermost loop takes all rows of a line in turn, and all
// else keeps to the lines.
void use_lines(kernels::CopyJob& job) {
  const std::int64_t rows = elements_per_word(job.element);
  if (rows == 1) return;
  const int inner = job.nest.depth - 1;
  if (job.nest.count[inner] % rows != 0) return;
  for (const kernels::Stream* stream : {&job.src, &job.dst}) {
    if (stream->stride[inner] != 1 || stream->base % rows != 0) return;
    for (int k = 0; k < inner; ++k)
      if (stream->stride[k] % rows != 0) return;
  }
  job.element = kRawWords;
  job.nest.count[inner] /= rows;
  for (kernels::Stream* stream : {&job.src, &job.dst}) {
    stream->base /= rows;
    for (int k = 0; k < inner; ++k) stream->stride[k] /= rows;
  }
  simplify(job.nest, {&job.src, &job.dst});
}

// Of a copy or a put: `moves` says what moves.
template <class Moves>
CopyPlan plan_rows(const Moves& moves, std::int64_t src_lines, std::int64_t dst_lines, int lanes) {
  check_loops(moves.loops);
  check_address("src", moves.src, moves.loops, isa::kLoops, row_of_line(moves.element, src_lines));
  check_address("dst", moves.dst, moves.loops, isa::kLoops, row_of_line(moves.element, dst_lines));
  CopyPlan plan;
  plan.job.element = moves.element;
  plan.job.nest = nest_of(moves.loops, 0, isa::kLoops);
  plan.job.src = stream_of(moves.src.base, moves.src.stride, 0, isa::kLoops);
  plan.job.dst = stream_of(moves.dst.base, moves.dst.stride, 0, isa::kLoops);
  simplify(plan.job.nest, {&plan.job.src, &plan.job.dst});
  use_lines(plan.job);
  plan.job.table = table_of(plan.job.nest, {&plan.job.src, &plan.job.dst}, plan.offsets);
  plan.iterations = iterations(plan.job.nest);
  plan.work = lanes / 4;
  plan.independent = surely_distinct(plan.job.nest, plan.job.dst, 1);
  return plan;
}

void check_extent(const char* field, int found, int lanes) {
  if (found < 1 || found > lanes)
    throw InstructionError(field, std::to_string(found), "1 to " + std::to_string(lanes));
}

}  // namespace

CopyPlan plan(const isa::Copy& c, const MemorySizes& sizes) {
  if (c.src_space == isa::Space::kHbm && c.dst_space == isa::Space::kHbm)
    throw InstructionError("dst_space", "hbm, like src_space", "one side in the scratchpad");
  CopyPlan plan = plan_rows(c, sizes.lines(c.src_space), sizes.lines(c.dst_space), sizes.lanes);
  plan.src_space = c.src_space;
  plan.dst_space = c.dst_space;
  if (c.src_space != c.dst_space && plan.job.element == kRawWords) plan.work = kMemoryCycles * sizes.lanes;
  plan.job.past_caches = c.dst_space == isa::Space::kHbm && sizes.hbm_leaves_caches();
  return plan;
}

CopyPlan plan(const isa::Put& p, const MemorySizes& sizes, const MemorySizes& receiver) {
  return plan_rows(p, sizes.scratchpad_lines, receiver.scratchpad_lines, sizes.lanes);
}

TransposePlan plan(const isa::Transpose& t, const MemorySizes& sizes) {
  check_loops(t.loops);
  check_extent("src_rows", t.src_rows, sizes.lanes);
  check_extent("src_lanes", t.src_lanes, sizes.lanes);
  check_extent("dst_rows", t.dst_rows, sizes.lanes);
  const std::int64_t rows = row_of_line(t.element, sizes.unit_lines());
  check_address("src", t.src, t.loops, isa::kLoops, rows, {0, t.src_rows - 1});
  check_address("dst", t.dst, t.loops, isa::kLoops, rows, {0, t.dst_rows - 1});
  TransposePlan plan;
  kernels::TransposeJob& job = plan.job;
  job.element = t.element;
  job.src_rows = t.src_rows;
  job.src_lanes = t.src_lanes;
  job.dst_rows = t.dst_rows;
  job.nest = nest_of(t.loops, 0, isa::kLoops);
  job.src = stream_of(t.src.base, t.src.stride, 0, isa::kLoops);
  job.dst = stream_of(t.dst.base, t.dst.stride, 0, isa::kLoops);
  simplify(job.nest, {&job.src, &job.dst});
  plan.iterations = iterations(job.nest);
  plan.work = 3 * sizes.lanes;
  plan.independent = surely_distinct(job.nest, job.dst, t.dst_rows);
  return plan;
}

void bind(CopyPlan& plan, Core& source, Core& destination) {
  plan.job.table.offsets = plan.offsets->data();
  plan.job.source = source.bytes(plan.src_space);
  plan.job.destination = destination.bytes(plan.dst_space);
}

void bind(TransposePlan& plan, Core& core) { plan.job.memory = core.scratchpad(); }

void execute(const CopyPlan& plan, const kernels::KernelSet& kernels, std::int64_t first, std::int64_t last) {
  kernels.copy(plan.job, first, last);
}

void execute(const TransposePlan& plan, const kernels::KernelSet& kernels, std::int64_t first,
             std::int64_t last) {
  kernels.transpose(plan.job, first, last);
}

}  // namespace anzan::models
