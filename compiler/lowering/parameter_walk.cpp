// Where the elements of parameters stand: runs of rows that use the same lanes.
#include "compiler/lowering/parameter_walk.hpp"

namespace anzan::compiler {
namespace {

void append(std::vector<ParameterRun>& runs, const ParameterRun& block) {
  if (!runs.empty() && runs.back().continued_by(block)) {
    ++runs.back().blocks;
  } else if (block.lanes.size() > 0) {
    runs.push_back(block);
  }
}

std::vector<ParameterRun> weight_runs(const TensorInfo& t) {
  const WeightLayout l = weight_layout(t);
  const auto [oc, ic, kh, kw] = t.shape;
  std::vector<ParameterRun> runs;
  for (std::int64_t g = 0; g < l.groups; ++g) {
    const ChannelWindow in = l.in_window(g), out = l.out_window(g);
    for (std::int64_t i = 0; i < ceil_div(in.end(), l.lanes); ++i) {
      ParameterRun b;
      b.row = (g * l.in_blocks + i) * l.taps * l.out_pitch;
      b.taps = l.taps;
      b.pitch = l.out_pitch;
      b.rows = {out.offset, out.end()};
      b.lanes = {std::max<std::int64_t>(0, in.offset - i * l.lanes),
                 std::min(l.lanes, in.end() - i * l.lanes)};
      b.row_index = ic * kh * kw;
      b.lane_index = t.gathered ? 1 : kh * kw;
      b.tap_index = t.gathered ? 0 : 1;
      b.block_index = l.lanes * b.lane_index;
      b.index = (g * (oc / l.groups) - out.offset) * b.row_index + (i * l.lanes - in.offset) * b.lane_index;
      append(runs, b);
    }
  }
  return runs;
}

std::vector<ParameterRun> vector_runs(const TensorInfo& t) {
  const std::int64_t per_group = t.shape[0] / t.groups, group_rows = row_count(t) / t.groups;
  std::vector<ParameterRun> runs;
  for (std::int64_t g = 0; g < t.groups; ++g) {
    const ChannelWindow w = group_window(t.shape[0], t.groups, g);
    for (std::int64_t i = 0; i < ceil_div(w.end(), t.lanes); ++i) {
      ParameterRun b;
      b.row = g * group_rows + i;
      b.rows = {0, 1};
      b.lanes = {std::max<std::int64_t>(0, w.offset - i * t.lanes),
                 std::min<std::int64_t>(t.lanes, w.end() - i * t.lanes)};
      b.index = g * per_group - w.offset + i * t.lanes;
      b.lane_index = 1;
      b.block_index = t.lanes;
      append(runs, b);
    }
  }
  return runs;
}

}  // namespace

std::vector<ParameterRun> parameter_runs(const TensorInfo& t) {
  return t.layout == TensorInfo::Layout::kWeights ? weight_runs(t) : vector_runs(t);
}

bool holds_elements(const TensorInfo& tensor, const Range& rows) {
  for (const ParameterRun& r : parameter_runs(tensor)) {
    const std::int64_t begin = std::max<std::int64_t>(0, rows.begin - r.row),
                       end = std::min(r.blocks * r.block_rows(), rows.end - r.row);
    for (std::int64_t tap = begin / r.pitch * r.pitch; tap < end; tap += r.pitch)
      if (std::max(begin, tap + r.rows.begin) < std::min(end, tap + r.rows.end)) return true;
  }
  return false;
}

ParameterWalk::ParameterWalk(Lowering& low, std::vector<const TensorInfo*> tensors, Room room,
                             const GradientRows* gradient)
    : low_(low),
      tensors_(std::move(tensors)),
      gradient_(gradient),
      all_(gradient != nullptr ? gradient->rows : rows_there(*tensors_[0])) {
  const std::int64_t scratch_buffers = room.scratch_buffers;
  // lines that four rows take over all buffers; short pieces still take whole lines
  std::int64_t four_rows = kChannelAlignment * scratch_buffers;
  for (std::size_t t = first_moved(); t < tensors_.size(); ++t)
    four_rows += models::lines_of_rows(tensors_[t]->format, kChannelAlignment);
  const std::int64_t buffers = scratch_buffers + static_cast<std::int64_t>(tensors_.size());
  // pieces of fewer lines cost more in instructions than their neighbours gain
  constexpr std::int64_t kLeast = 512;
  const std::int64_t usual =
      std::max(low_.room().comfortable, std::min(kLeast, low_.capacity())) - room.lines;
  rows_ = ((usual / 2 - buffers) * kChannelAlignment / four_rows) / kChannelAlignment * kChannelAlignment;
  if (rows_ < kChannelAlignment)
    throw low_.too_small(2 * (buffers + four_rows) + room.lines,
                         std::to_string(kChannelAlignment) + " rows of " + tensors_[0]->name);
  rows_ = std::min(rows_, round_up(all_.size() + kChannelAlignment, kChannelAlignment));
  std::int64_t lines = scratch_buffers * rows_;
  for (std::size_t t = first_moved(); t < tensors_.size(); ++t)
    lines += models::lines_of_rows(tensors_[t]->format, rows_);
  low_.take_scratchpad(2 * lines + room.lines);
  for (int i = 0; i < 2; ++i) {
    for (std::size_t t = 0; t < tensors_.size(); ++t)
      lines_[i].push_back(
          t < first_moved() ? 0 : low_.allocate(models::lines_of_rows(tensors_[t]->format, rows_)));
    for (std::int64_t s = 0; s < scratch_buffers; ++s) lines_[i].push_back(low_.allocate(rows_));
  }
  own_lines_ = low_.allocate(room.lines);
}

void ParameterWalk::emit(isa::VectorOp op, const Operands& in, std::size_t out, int counted) {
  isa::Vector v;
  v.op = op;
  v.a = in.a;
  v.b = in.b;
  v.c = in.c;
  v.mask = lane_mask(run_->lanes.begin, run_->lanes.size());
  v.o = at(row(out));
  writes_to(v, isa::Format::kFp32, counted);
  v.analyse = low_.analyses(counted) ? 1 : 0;
  if (out < tensors_.size()) low_.produces(v, *tensors_[out]);
  const ParameterRun& r = *run_;
  v.x =
      indices(r.index + blocks_.begin * r.block_index + taps_.begin * r.tap_index + used_.begin * r.row_index,
              r.lane_index);
  const auto strides = [&](std::int64_t step, std::int64_t index) {
    const auto of = [step](const isa::Operand& o) { return o.kind == isa::OperandKind::kRows ? step : 0; };
    return Nest::Strides{of(v.a), of(v.b), of(v.c), step, index};
  };
  Nest nest;
  nest.loop(blocks_.size(), strides(r.block_rows(), r.block_index))
      .loop(taps_.size(), strides(r.pitch, r.tap_index))
      .loop(used_.size(), strides(1, r.row_index));
  const auto at_hand = [&](const isa::Operand& o) {
    return first_moved() > 0 && o.format == tensors_[0]->format && o.at.base == row(0);
  };
  if (at_hand(in.a) || at_hand(in.b) || at_hand(in.c)) {
    for (const isa::Vector& piece : nest.finish(v)) low_.emit(piece, gradient_->reader(piece));
  } else {
    low_.emit(v, nest);
  }
}

}  // namespace anzan::compiler
