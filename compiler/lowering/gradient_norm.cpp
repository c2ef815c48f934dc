// Squares are added up in one order that no tiling changes, lane by lane: the rows of a tap, which are output
// channels (a vector has rows of one); these sums, tap by tap and block by block; those of the tensors. Then
// the lanes are added up, too. What has been added up so far waits in HBM where the result will be.
#include "compiler/lowering/gradient_norm.hpp"

#include "compiler/lowering/channel_values.hpp"
#include "compiler/lowering/functions.hpp"
#include "compiler/lowering/parameter_walk.hpp"

namespace anzan::compiler {
namespace {

// Adds the squares of one tensor to those so far.
class SquareSum {
 public:
  SquareSum(Lowering& low, const TensorInfo& gradient) : low_(low), walk_(low, {&gradient}, {0, kLines}) {}

  // From and to rows of HBM.
  void run(std::int64_t from, std::int64_t to) {
    move(in_hbm(low_.constants().zero_line), in_scratchpad(sum()));
    move(in_hbm(from), in_scratchpad(so_far()));
    walk_.run([&] {
      walk_.load(0);
      const ParameterWalk::Piece p = walk_.piece();
      if (p.begins && p.ends && p.rows <= kMostIterations) return add_taps(p);
      for (std::int64_t tap = 0; tap < p.taps; ++tap) add_tap(p, tap);
    });
    isa::Vector v = instruction(isa::VectorOp::kAdd, lane_mask(0, low_.lanes()), so_far());
    v.a = rows(isa::Format::kFp32, kConstantSlot, so_far());
    v.b = rows(isa::Format::kFp32, kConstantSlot, sum());
    low_.emit(v, Nest());
    move(in_scratchpad(so_far()), in_hbm(to));
  }

 private:
  static constexpr std::int64_t kRows = 32;          // that are added up at once
  static constexpr std::int64_t kLines = 3 + kRows;  // sum, so far, carry; and these rows, behind the carry
  std::int64_t sum() const { return walk_.own_line(0); }
  std::int64_t so_far() const { return walk_.own_line(1); }
  std::int64_t carry() const { return walk_.own_line(2); }

  void move(const Location& from, const Location& to) {
    low_.copy(isa::Format::kFp32, from, to, {{1, 1, 1}});
  }

  static isa::Vector instruction(isa::VectorOp op, const isa::Mask& mask, std::int64_t out) {
    isa::Vector v;
    v.op = op;
    v.mask = mask;
    writes_to(v, isa::Format::kFp32, kConstantSlot);
    v.o = at(out);
    return v;
  }

  // Squares of rows of the piece, `step` apart from this one on, each the first of as many as are added up;
  // to rows behind the carry.
  struct Squares {
    std::int64_t first, count, step, added;
  };
  void square(const ParameterWalk::Piece& p, const Squares& s) {
    isa::Vector v = instruction(isa::VectorOp::kMul, p.mask, carry() + 1);
    v.a = walk_.operand(0);
    v.a.at.base += static_cast<std::uint32_t>(s.first);
    v.b = v.a;
    if (s.added > 1) v.reduction = isa::Reduction::kAdd;
    Nest nest;
    nest.loop(s.count, {s.step, s.step, 0, 1});
    if (s.added > 1) nest.fold(s.added, {1, 1});
    low_.emit(v, nest);
  }

  // Adds up rows from `first` on to one row.
  void add_up(const ParameterWalk::Piece& p, std::int64_t first, std::int64_t count, std::int64_t out) {
    isa::Vector v = instruction(isa::VectorOp::kCopy, p.mask, out);
    v.a = rows(isa::Format::kFp32, kConstantSlot, first);
    if (count > 1) v.reduction = isa::Reduction::kAdd;
    Nest nest;
    if (count > 1) nest.fold(count, {1});
    low_.emit(v, nest);
  }

  // Whole taps, with or without more than a row.
  void add_taps(const ParameterWalk::Piece& p) {
    for (const Range& taps : pieces(p.taps, kRows)) {
      square(p, {taps.begin * p.pitch, taps.size(), p.pitch, p.rows});
      add_up(p, sum(), 1, carry());
      add_up(p, carry(), 1 + taps.size(), sum());
    }
  }

  // A tap, or a part of it that goes on from the carry.
  void add_tap(const ParameterWalk::Piece& p, std::int64_t tap) {
    for (const Range& r : pieces(p.rows, kRows)) {
      const bool begins = p.begins && r.begin == 0;
      square(p, {tap * p.pitch + r.begin, r.size(), 1, 1});
      add_up(p, begins ? carry() + 1 : carry(), begins ? r.size() : 1 + r.size(), carry());
    }
    if (!p.ends) return;
    isa::Vector v = instruction(isa::VectorOp::kAdd, p.mask, sum());
    v.a = rows(isa::Format::kFp32, kConstantSlot, sum());
    v.b = rows(isa::Format::kFp32, kConstantSlot, carry());
    low_.emit(v, Nest());
  }

  Lowering& low_;
  ParameterWalk walk_;
};

// The sum of the lanes of the row: its root, and the smaller of clip / root and 1.
void scale_by_norm(Lowering& low, std::int64_t row) {
  const std::int64_t lanes = low.lanes();
  constexpr std::int64_t kValues = 3;
  low.take_scratchpad(1 + lanes + kValues);
  const std::int64_t line = low.allocate(1), transposed = low.allocate(lanes);
  low.copy(isa::Format::kFp32, in_hbm(row), in_scratchpad(line), {{1, 1, 1}});
  isa::Transpose t = transposing(isa::Format::kFp32, 1, lanes, lanes);
  t.src = at(line);
  t.dst = at(transposed);
  low.emit(t);
  ChannelValues values(low, lanes);
  values.begin({0, 1});
  using Value = ChannelValues::Value;
  const Value x = ChannelValues::at_line(low.allocate(1)), y = ChannelValues::at_line(low.allocate(1)),
              half = ChannelValues::at_line(low.allocate(1));
  isa::Vector v;
  v.reduction = isa::Reduction::kAdd;
  v.mask = lane_mask(0, lanes);
  writes_to(v, isa::Format::kFp32, kConstantSlot);
  v.a = rows(isa::Format::kFp32, kConstantSlot, transposed);
  v.o = at(x.line);
  low.emit(v, Nest().fold(lanes, {1}));
  values.emit(isa::VectorOp::kMax, x, x, values.number(functions::kLeastRadicand));
  functions::reciprocal_root(values, x, y, half, x);
  values.emit(isa::VectorOp::kMul, y, y, values.number(low.graph().training.clip_norm));
  values.emit(isa::VectorOp::kMin, y, y, values.number(1));
  low.copy(isa::Format::kFp32, in_scratchpad(y.line), in_hbm(row), {{1, 1, 1}});
}

}  // namespace

void lower_gradient_norm(Lowering& low, const Op& op) {
  const Graph& g = low.graph();
  const std::int64_t result = low.base_row(g.tensor(op.outputs[0]));
  for (const int gradient : op.inputs) {
    const bool first = gradient == op.inputs.front();
    SquareSum(low, g.tensor(gradient)).run(first ? low.constants().zero_line : result, result);
  }
  scale_by_norm(low, result);
}

}  // namespace anzan::compiler
