// Checks tensor instructions, writes out their accumulation steps, and gives them to the kernels.
#include "models/tensor_unit.hpp"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "models/affine.hpp"
#include "models/instruction_error.hpp"
#include "models/number_format.hpp"
#include "models/write_back.hpp"

namespace anzan::models {
namespace {

// Longest table of accumulation steps; what is beyond repeats the table.
constexpr std::int64_t kStepLimit = std::int64_t{1} << 16;

struct ByteRange {
  std::int64_t first, last;
};
bool overlap(const ByteRange& u, const ByteRange& v) { return u.first <= v.last && v.first <= u.last; }
ByteRange bytes_of(const AddressRange& range, std::int64_t unit) {
  return {range.first * unit, (range.last + 1) * unit - 1};
}

void check_rows(const isa::Tensor& t, int lanes) {
  if (t.row_count < 1) throw InstructionError("row_count", "0", "at least 1");
  if (t.row_first + t.row_count > lanes)
    throw InstructionError("row_count", "rows up to " + std::to_string(t.row_first + t.row_count - 1),
                           "rows below " + std::to_string(lanes));
  if (t.reduce > isa::kLoops)
    throw InstructionError("reduce", std::to_string(t.reduce), "at most " + std::to_string(isa::kLoops));
}

// Splits the accumulating loops into a table and what repeats it.
void plan_steps(TensorPlan& plan, const isa::Tensor& t, int outer, std::int64_t line) {
  int split = isa::kLoops;  // loops [split, 8) stand in the table
  std::int64_t count = 1;
  while (split > outer && count * t.loops[static_cast<std::size_t>(split - 1)] <= kStepLimit)
    count *= t.loops[static_cast<std::size_t>(--split)];
  const kernels::Nest nest = nest_of(t.loops, split, isa::kLoops);
  const kernels::Stream a = stream_of(0, t.a.stride, split, isa::kLoops, line);
  const kernels::Stream b = stream_of(0, t.b.stride, split, isa::kLoops, line);
  std::vector<kernels::StepOffset> steps;
  steps.reserve(static_cast<std::size_t>(count));
  for (std::int64_t s = 0; s < count; ++s) {
    std::int64_t at_a = 0, at_b = 0, rest = s;
    for (int k = nest.depth - 1; k >= 0; --k) {
      at_a += rest % nest.count[k] * a.stride[k];
      at_b += rest % nest.count[k] * b.stride[k];
      rest /= nest.count[k];
    }
    steps.push_back({static_cast<std::int32_t>(at_a), static_cast<std::int32_t>(at_b)});
  }
  plan.steps = std::make_shared<const std::vector<kernels::StepOffset>>(std::move(steps));
  plan.job.step_count = count;
  plan.job.repeat = nest_of(t.loops, outer, split);
  plan.job.repeat_a = stream_of(0, t.a.stride, outer, split, line);
  plan.job.repeat_b = stream_of(0, t.b.stride, outer, split, line);
  simplify(plan.job.repeat, {&plan.job.repeat_a, &plan.job.repeat_b});
}

}  // namespace

TensorPlan plan(const isa::Tensor& t, const MemorySizes& sizes) {
  check_loops(t.loops);
  check_rows(t, sizes.lanes);
  const int outer = isa::kLoops - t.reduce;
  const std::int64_t line = 4 * std::int64_t{sizes.lanes}, lines = sizes.unit_lines();
  const std::int64_t row_last = t.row_first + t.row_count - 1;

  TensorPlan plan;
  kernels::TensorJob& job = plan.job;
  job.output = plan_output(t.out_format, t.mask, t.relu != 0, t.analyse != 0, t.x.lane_stride, sizes.lanes);
  const ByteRange a = bytes_of(check_address("a", t.a, t.loops, isa::kLoops, lines), line);
  const ByteRange b = bytes_of(check_address("b", t.b, t.loops, isa::kLoops, lines), line);
  ByteRange c{-1, -1}, o{};
  if (t.init == isa::Init::kBias) c = bytes_of(check_address("c", t.c, t.loops, outer, lines), line);
  const AddressRange spilt{accumulator_lines(t.format, t.row_first),
                           accumulator_lines(t.format, row_last + 1) - 1};
  if (t.init == isa::Init::kSpill) c = bytes_of(check_address("c", t.c, t.loops, outer, lines, spilt), line);
  if (t.spill != 0) {
    o = bytes_of(check_address("o", t.o, t.loops, outer, lines, spilt), line);
  } else {
    const AddressRange rows =
        check_address("o", t.o, t.loops, outer, row_of_line(t.out_format, lines), {t.row_first, row_last});
    o = {row_place(t.out_format, rows.first).line * line,
         (row_place(t.out_format, rows.last).line + 1) * line - 1};
  }

  job.output.past_caches = t.spill == 0 && past_caches(t.out_format, t.o, sizes);
  job.format = t.format;
  job.init = t.init;
  job.spill = t.spill != 0;
  job.row_first = t.row_first;
  job.row_count = t.row_count;
  job.row_stride = static_cast<std::uint32_t>(t.x.row_stride);
  job.outer = nest_of(t.loops, 0, outer);
  job.a = stream_of(t.a.base, t.a.stride, 0, outer, line);
  job.b = stream_of(t.b.base, t.b.stride, 0, outer, line);
  job.c = stream_of(t.c.base, t.c.stride, 0, outer, line);
  job.o = stream_of(t.o.base, t.o.stride, 0, outer);
  job.x = stream_of(t.x.base, t.x.stride, 0, outer);
  simplify(job.outer, {&job.a, &job.b, &job.c, &job.o, &job.x});
  plan_steps(plan, t, outer, line);

  plan.slot_a = t.slot_a;
  plan.slot_b = t.slot_b;
  plan.slot_o = t.slot_o;
  plan.iterations = iterations(job.outer);
  plan.work =
      t.row_count * (static_cast<double>(iterations(job.repeat)) * static_cast<double>(job.step_count) + 16);
  const std::int64_t extent = job.spill ? accumulator_lines(t.format, t.row_count) : t.row_count;
  plan.independent = !overlap(o, a) && !overlap(o, b) && !(t.init != isa::Init::kZero && overlap(o, c)) &&
                     surely_distinct(job.outer, job.o, extent);
  return plan;
}

void bind(TensorPlan& plan, Core& core) {
  kernels::TensorJob& job = plan.job;
  if (!job.spill)
    bind_output(job.output, plan.slot_o, core);
  else
    job.output.memory = core.scratchpad();
  job.memory = core.scratchpad();
  job.steps = plan.steps->data();
  job.point = is_integer(job.format)
                  ? core.settings.slot(plan.slot_a).q_read + core.settings.slot(plan.slot_b).q_read
                  : 0;
}

void execute(const TensorPlan& plan, const kernels::KernelSet& kernels, std::int64_t first, std::int64_t last,
             LocalStatistics& statistics) {
  kernels::Counts counts{};
  kernels.tensor(plan.job, first, last, counts);
  if (plan.job.output.analyse) add_counts(statistics, counts);
}

}  // namespace anzan::models
