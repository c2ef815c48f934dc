// Stochastic gradient descent with momentum as Caffe defines it (v := mu v + lr (g + lambda w); w := w - v),
// and the first quantisation of initial values. Everything between stored tensors is FP32.
#include "compiler/lowering/update.hpp"

#include <algorithm>

#include "models/number_format.hpp"

namespace anzan::compiler {
namespace {

// A run of neighbouring blocks of a parameter whose rows use the same lanes: weights are (group, block of
// input channels) x taps x output channels; a block of biases is a single row.
struct Run {
  std::int64_t row = 0;  // first row of the run in the tensor
  std::int64_t blocks = 1, taps = 1, pitch = 1;
  Range rows, lanes;       // rows of a tap, lanes that hold elements
  std::int64_t index = 0;  // logical index of block 0, tap 0, row 0, lane 0
  std::int64_t block_index = 0, tap_index = 0, row_index = 0, lane_index = 0;
  std::int64_t block_rows() const { return taps * pitch; }
  bool continued_by(const Run& r) const {
    return r.row == row + blocks * block_rows() && r.rows.begin == rows.begin && r.rows.end == rows.end &&
           r.lanes.begin == lanes.begin && r.lanes.end == lanes.end &&
           r.index == index + blocks * block_index;
  }
};

void append(std::vector<Run>& runs, const Run& block) {
  if (!runs.empty() && runs.back().continued_by(block)) {
    ++runs.back().blocks;
  } else if (block.lanes.size() > 0) {
    runs.push_back(block);
  }
}

std::vector<Run> weight_runs(const TensorInfo& t) {
  const WeightLayout l = weight_layout(t);
  const auto [oc, ic, kh, kw] = t.shape;
  std::vector<Run> runs;
  for (std::int64_t g = 0; g < l.groups; ++g) {
    const ChannelWindow in = l.in_window(g), out = l.out_window(g);
    for (std::int64_t i = 0; i < ceil_div(in.end(), l.lanes); ++i) {
      Run b;
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

std::vector<Run> vector_runs(const TensorInfo& t) {
  const std::int64_t per_group = t.shape[0] / t.groups, group_rows = row_count(t) / t.groups;
  std::vector<Run> runs;
  for (std::int64_t g = 0; g < t.groups; ++g) {
    const ChannelWindow w = group_window(t.shape[0], t.groups, g);
    for (std::int64_t i = 0; i < ceil_div(w.end(), t.lanes); ++i) {
      Run b;
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

std::vector<Run> runs_of(const TensorInfo& t) {
  return t.layout == TensorInfo::Layout::kWeights ? weight_runs(t) : vector_runs(t);
}

// Walks rows of a parameter piece by piece through the scratchpad: the same rows of several tensors of one
// layout. Those of the first may be there already.
class ParameterWalk {
 public:
  ParameterWalk(Lowering& low, std::vector<const TensorInfo*> tensors, std::int64_t scratch_buffers,
                const RowsAtHand* at_hand = nullptr)
      : low_(low),
        tensors_(std::move(tensors)),
        at_hand_(at_hand),
        all_(at_hand != nullptr ? at_hand->rows : Range{0, row_count(*tensors_[0])}) {
    // lines that four rows take over all buffers; short pieces still take whole lines
    std::int64_t four_rows = kChannelAlignment * scratch_buffers;
    for (std::size_t t = first_moved(); t < tensors_.size(); ++t)
      four_rows += models::lines_of_rows(tensors_[t]->format, kChannelAlignment);
    const std::int64_t buffers = scratch_buffers + static_cast<std::int64_t>(tensors_.size());
    // pieces of fewer lines cost more in instructions than their neighbours gain
    constexpr std::int64_t kLeast = 512;
    const std::int64_t room = std::max(low_.room().comfortable, std::min(kLeast, low_.capacity()));
    rows_ = ((room / 2 - buffers) * kChannelAlignment / four_rows) / kChannelAlignment * kChannelAlignment;
    if (rows_ < kChannelAlignment)
      throw low_.too_small(2 * (buffers + four_rows),
                           std::to_string(kChannelAlignment) + " rows of " + tensors_[0]->name);
    rows_ = std::min(rows_, round_up(all_.size() + kChannelAlignment, kChannelAlignment));
    std::int64_t lines = scratch_buffers * rows_;
    for (std::size_t t = first_moved(); t < tensors_.size(); ++t)
      lines += models::lines_of_rows(tensors_[t]->format, rows_);
    low_.take_scratchpad(2 * lines);
    for (int i = 0; i < 2; ++i) {
      for (std::size_t t = 0; t < tensors_.size(); ++t)
        lines_[i].push_back(
            t < first_moved() ? 0 : low_.allocate(models::lines_of_rows(tensors_[t]->format, rows_)));
      for (std::int64_t s = 0; s < scratch_buffers; ++s) lines_[i].push_back(low_.allocate(rows_));
    }
  }

  // visit(piece) for each piece: it emits loads, vector instructions and stores.
  template <class Visit>
  void run(Visit&& visit) {
    for (const Run& r : runs_of(*tensors_[0])) {
      run_ = &r;
      const std::int64_t begin = std::max<std::int64_t>(0, all_.begin - r.row),
                         end = std::min(r.blocks * r.block_rows(), all_.end - r.row);
      in_parts(
          {begin, end}, r.block_rows(), [&](Range blocks) { walk_blocks(blocks, visit); },
          [&](std::int64_t block, Range rows) {
            in_parts(
                rows, r.pitch, [&](Range taps) { walk_taps(block, taps, visit); },
                [&](std::int64_t tap, Range part) { walk_rows(block, tap, part, visit); });
          });
    }
  }

  // Loads rows of tensor number `t` of the current piece.
  void load(std::size_t t) {
    if (t >= first_moved()) move(t, true);
  }
  void store(std::size_t t) { move(t, false); }

  // A row stream over the piece in buffer number `b` (tensors first, then FP32 scratch).
  isa::Operand operand(std::size_t b) const {
    if (b < tensors_.size()) return rows(tensors_[b]->format, tensors_[b]->slot, row(b));
    return rows(isa::Format::kFp32, 0, row(b));
  }

  struct Operands {
    isa::Operand a{}, b{}, c{};
  };
  // One vector instruction over the piece; operands that are rows walk with it.
  void emit(isa::VectorOp op, const Operands& in, std::size_t out) {
    isa::Vector v;
    v.op = op;
    v.a = in.a;
    v.b = in.b;
    v.c = in.c;
    v.mask = lane_mask(run_->lanes.begin, run_->lanes.size());
    v.o = at(row(out));
    v.out_format = isa::Format::kFp32;
    if (out < tensors_.size()) low_.produces(v, *tensors_[out]);
    const Run& r = *run_;
    v.x = indices(
        r.index + blocks_.begin * r.block_index + taps_.begin * r.tap_index + used_.begin * r.row_index,
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
      return at_hand_ != nullptr && o.format == tensors_[0]->format && o.at.base == row(0);
    };
    if (at_hand(in.a) || at_hand(in.b) || at_hand(in.c)) {
      for (const isa::Vector& piece : nest.finish(v)) low_.emit(piece, at_hand_->reader(piece));
    } else {
      low_.emit(v, nest);
    }
  }

 private:
  std::size_t first_moved() const { return at_hand_ != nullptr ? 1 : 0; }

  // Cuts rows into whole stretches of `size` and the rest of the first and the last one.
  template <class Whole, class Rest>
  static void in_parts(Range rows, std::int64_t size, Whole&& whole, Rest&& rest) {
    if (rows.size() <= 0) return;
    const Range inside{ceil_div(rows.begin, size), rows.end / size};
    if (inside.size() < 0)
      return rest(inside.end, {rows.begin - inside.end * size, rows.end - inside.end * size});
    if (rows.begin < inside.begin * size)
      rest(inside.begin - 1, {rows.begin - (inside.begin - 1) * size, size});
    if (inside.size() > 0) whole(inside);
    if (rows.end > inside.end * size) rest(inside.end, {0, rows.end - inside.end * size});
  }

  template <class Visit>
  void walk_blocks(Range blocks, Visit&& visit) {
    if (run_->block_rows() <= rows_) {
      for (const Range& b : pieces(blocks, rows_ / run_->block_rows()))
        piece(b, {0, run_->taps}, {0, run_->pitch}, visit);
      return;
    }
    for (std::int64_t block = blocks.begin; block < blocks.end; ++block)
      walk_taps(block, {0, run_->taps}, visit);
  }

  template <class Visit>
  void walk_taps(std::int64_t block, Range taps, Visit&& visit) {
    if (run_->pitch <= rows_) {
      for (const Range& t : pieces(taps, rows_ / run_->pitch))
        piece({block, block + 1}, t, {0, run_->pitch}, visit);
      return;
    }
    for (std::int64_t tap = taps.begin; tap < taps.end; ++tap) walk_rows(block, tap, {0, run_->pitch}, visit);
  }

  template <class Visit>
  void walk_rows(std::int64_t block, std::int64_t tap, Range part, Visit&& visit) {
    for (const Range& p : pieces(part, rows_)) piece({block, block + 1}, {tap, tap + 1}, p, visit);
  }

  static std::vector<Range> pieces(Range all, std::int64_t step) {
    std::vector<Range> result;
    for (const Range& r : compiler::pieces(all.size(), step))
      result.push_back({all.begin + r.begin, all.begin + r.end});
    return result;
  }

  // Rows [part) of taps and blocks move; those of them that hold elements are worked on.
  template <class Visit>
  void piece(Range blocks, Range taps, Range part, Visit&& visit) {
    const Range used{std::max(run_->rows.begin, part.begin), std::min(run_->rows.end, part.end)};
    if (used.size() <= 0) return;
    blocks_ = blocks;
    taps_ = taps;
    used_ = used;
    const Run& r = *run_;
    first_row_ = r.row + blocks.begin * r.block_rows() + taps.begin * r.pitch + part.begin;
    moved_rows_ = taps.size() == r.taps ? blocks.size() * r.block_rows() : taps.size() * r.pitch;
    if (part.size() < r.pitch) moved_rows_ = part.size();
    offset_ = used.begin - part.begin;
    visit();
    ++count_;
  }

  // first used row of the piece in buffer b
  std::int64_t row(std::size_t b) const {
    if (b < first_moved()) return at_hand_->scratchpad_row + first_row_ - all_.begin + offset_;
    return buffer_row(b) + first_row_ % alignment(b) + offset_;
  }
  // rows of narrow formats keep their place in the word, so that whole lines move
  std::int64_t alignment(std::size_t b) const {
    return b < tensors_.size() ? models::elements_per_word(tensors_[b]->format) : 1;
  }
  std::int64_t buffer_row(std::size_t b) const { return lines_[count_ % 2][b] * alignment(b); }

  void move(std::size_t t, bool in) {
    const isa::Format f = tensors_[t]->format;
    const Location hbm = in_hbm(low_.base_row(*tensors_[t]) + first_row_),
                   here = in_scratchpad(buffer_row(t) + first_row_ % alignment(t));
    low_.copy(f, in ? hbm : here, in ? here : hbm, {{moved_rows_, 1, 1}});
  }

  Lowering& low_;
  std::vector<const TensorInfo*> tensors_;
  const RowsAtHand* at_hand_;
  Range all_;  // rows that are walked
  std::int64_t rows_ = 0;
  std::vector<std::int64_t> lines_[2];
  const Run* run_ = nullptr;
  Range blocks_, taps_, used_;
  std::int64_t first_row_ = 0, moved_rows_ = 0, offset_ = 0;
  int count_ = 0;
};

void update(Lowering& low, const Op& op, bool store, const RowsAtHand* gradient) {
  const Graph& g = low.graph();
  const Layer& layer = g.layer(op);
  const auto tensor = [&](int t) { return &g.tensor(t); };
  const bool master = op.inputs.size() > 3;
  // gradient, momentum, value that is updated [, narrow copy]; then FP32 scratch
  std::vector<const TensorInfo*> tensors{tensor(op.inputs[0]), tensor(op.inputs[2]),
                                         tensor(op.inputs[master ? 3 : 1])};
  if (master) tensors.push_back(tensor(op.inputs[1]));
  const std::size_t kGradient = 0, kMomentum = 1, kValue = 2, kNarrow = 3, kScratch = tensors.size();
  ParameterWalk walk(low, tensors, 1, gradient);
  const double decay = g.training.weight_decay * (op.bias ? layer.bias_decay : layer.weight_decay);
  const int lr = low.learning_rate(op.bias ? layer.bias_lr : layer.weight_lr);
  const int momentum = low.scalar(static_cast<float>(g.training.momentum));
  walk.run([&] {
    using isa::VectorOp;
    walk.load(kGradient);
    walk.load(kMomentum);
    walk.load(kValue);
    const isa::Operand scratch = walk.operand(kScratch), value = walk.operand(kValue),
                       raw = walk.operand(kGradient);
    if (decay != 0) {
      walk.emit(VectorOp::kFma, {value, scalar(low.scalar(static_cast<float>(decay))), raw}, kScratch);
      walk.emit(VectorOp::kMul, {scratch, scalar(lr)}, kScratch);
    } else {
      walk.emit(VectorOp::kMul, {raw, scalar(lr)}, kScratch);
    }
    walk.emit(VectorOp::kFma, {walk.operand(kMomentum), scalar(momentum), scratch}, kScratch);
    walk.emit(VectorOp::kCopy, {scratch}, kMomentum);
    if (!store) return;  // calibration: only the statistics of the momentum
    walk.store(kMomentum);
    if (!master) {
      walk.emit(VectorOp::kSub, {value, scratch}, kValue);
      return walk.store(kValue);
    }
    walk.emit(VectorOp::kSub, {value, scratch}, kScratch);
    walk.emit(VectorOp::kCopy, {scratch}, kValue);
    walk.store(kValue);
    walk.load(kNarrow);  // rows and lanes that hold no element stay zero
    walk.emit(VectorOp::kCopy, {scratch}, kNarrow);
    walk.store(kNarrow);
  });
}

}  // namespace

bool holds_elements(const TensorInfo& tensor, const Range& rows) {
  for (const Run& r : runs_of(tensor)) {
    const std::int64_t begin = std::max<std::int64_t>(0, rows.begin - r.row),
                       end = std::min(r.blocks * r.block_rows(), rows.end - r.row);
    for (std::int64_t tap = begin / r.pitch * r.pitch; tap < end; tap += r.pitch)
      if (std::max(begin, tap + r.rows.begin) < std::min(end, tap + r.rows.end)) return true;
  }
  return false;
}

void lower_update(Lowering& low, const Op& op, bool store) { update(low, op, store, nullptr); }
void lower_update(Lowering& low, const Op& op, const RowsAtHand& gradient) {
  update(low, op, true, &gradient);
}

std::vector<std::vector<InitialValues>> initial_values_by_slot(const Graph& g) {
  std::vector<std::vector<InitialValues>> all;
  const auto add = [&all](const TensorInfo& stored, const TensorInfo& initial) {
    const auto found =
        std::find_if(all.begin(), all.end(), [&stored](const std::vector<InitialValues>& of_a_slot) {
          return of_a_slot.front().stored->slot == stored.slot;
        });
    if (found == all.end())
      all.push_back({{&stored, &initial}});
    else
      found->push_back({&stored, &initial});
  };
  for (const ParameterInfo& p : g.parameters) {
    const TensorInfo *initial = nullptr, *stored = nullptr;
    for (const TensorInfo& t : g.tensors) {
      if (t.name == p.initial) initial = &t;
      if (t.name == p.name) stored = &t;
    }
    add(*stored, *initial);
    for (const TensorInfo& t : g.tensors) {
      if (t.kind == TensorClass::kMasterWeight && t.persistent && t.layer == initial->layer &&
          p.name == t.layer + ".weight")
        add(t, *initial);
    }
  }
  return all;
}

// Twice: the first pass shows the distribution to the settings optimiser, the second stores.
void lower_initialize(Lowering& low, const std::vector<InitialValues>& of_a_slot, Listing& listing) {
  for (int pass = 0; pass < 2; ++pass) {
    for (const InitialValues& values : of_a_slot) {
      low.begin({&listing, {values.initial->layer, "initialize"}, Area::kForward});
      ParameterWalk walk(low, {values.stored, values.initial}, 0);
      walk.run([&] {
        walk.load(0);  // rows and lanes that hold no element stay zero
        walk.load(1);
        walk.emit(isa::VectorOp::kCopy, {walk.operand(1)}, 0);
        walk.store(0);
      });
    }
    if (pass > 0) return;
    low.optimise(of_a_slot.front().stored->slot);
    low.settle(of_a_slot.front().stored->slot);
  }
}

}  // namespace anzan::compiler
