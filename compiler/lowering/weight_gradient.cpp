// The gradient of weights and biases: lanes are input channels, rows are output channels, and the
// reduction walks (batch group, y, x, image), so both operands are transposed first: blocks of L images by
// L channels become lines whose words hold neighbouring images.
#include "compiler/lowering/weight_gradient.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "compiler/lowering/carried_sums.hpp"
#include "compiler/lowering/convolution.hpp"
#include "compiler/lowering/transposed_operands.hpp"
#include "compiler/lowering/weight_gradient_tiling.hpp"
#include "models/number_format.hpp"

namespace anzan::compiler {
namespace {

using Carried = WeightGradientGeometry::Carried;

class WeightGradient {
 public:
  WeightGradient(Lowering& low, const Op& op)
      : low_(low),
        op_(op),
        lanes_(low.lanes()),
        g_(geometry(low, op)),
        x_(g_.x),
        dy_(g_.dy),
        weight_(*g_.weight),
        bias_(g_.bias),
        layout_(g_.layout),
        format_(g_.format),
        per_line_(models::elements_per_word(g_.format)),
        kernel_y_(g_.kernel.y),
        kernel_x_(g_.kernel.x),
        operands_(low, g_) {
    const Op& gradient = gradient_of_weights(low.graph(), op);
    goes_on_ = op.kind == OpKind::kSumForWeights;
    comes_ = op.inputs.size() > 2;
    if (g_.carried == Carried::kNothing) return;
    carried_ = *carried_sums(low.graph(), gradient, op.groups);
    carried_line_ = low.graph().tensor(goes_on_ ? op.outputs[0] : op.inputs[2]).hbm_line;
  }

  void run() {
    t_ = search_tiling(g_, low_, layer().name);
    const WeightGradientBuffers b = buffers(g_, t_);
    low_.take_scratchpad(b.total());
    low_.note(fmt::format(
        "convolution_backward_weight {}: output blocks {}, input blocks {}, taps {} x {}; batch groups {}, "
        "y {}, x {}; exact sums {}; {} of {} lines",
        layer().name, t_.out_blocks, t_.in_blocks, t_.ky, t_.kx, t_.batch_groups, t_.y, t_.x, g_.exact_sums(),
        b.total(), low_.capacity()));
    ones_line_ = low_.allocate(b.ones);
    spill_line_[0] = low_.allocate(b.spill);
    spill_line_[1] = b.spills > 1 ? low_.allocate(b.spill) : spill_line_[0];
    bias_line_ = low_.allocate(b.bias);
    for (std::int64_t& line : gradient_line_) line = low_.allocate(b.gradient);
    for (std::int64_t& line : sum_line_) line = low_.allocate(b.sum);
    for (std::int64_t& line : bias_sum_line_) line = low_.allocate(b.bias_sum);
    operands_.allocate(b);
    if (bias_ != nullptr)
      low_.copy(models::kRawWords, in_hbm(low_.constants().ones_line(format_)), in_scratchpad(ones_line_),
                {{1, 1, 1}});
    make_parts();
    for (group_ = 0; group_ < layout_.groups; ++group_) {
      in_ = layout_.in_window(group_);
      out_ = layout_.out_window(group_);
      operands_.select(in_, out_);
      for (const Range& ob : pieces(ceil_div(out_.end(), lanes_), t_.out_blocks)) {
        for (const Range& ib : pieces_of(blocks_there(), t_.in_blocks)) {
          for (const Range& ky : pieces(kernel_y_.kernel, t_.ky)) {
            for (const Range& kx : pieces(kernel_x_.kernel, t_.kx)) weights({ob, ib, ky, kx, tile_++ % 2});
          }
        }
      }
    }
  }

 private:
  static WeightGradientGeometry geometry(const Lowering& low, const Op& op) {
    WeightGradientGeometry g;
    const auto tensor = [&](int t) { return &low.graph().tensor(t); };
    g.x = low.image(op.inputs[0]);
    g.dy = low.image(op.inputs[1]);
    const Op& gradient = gradient_of_weights(low.graph(), op);
    g.weight = tensor(gradient.outputs[0]);
    g.bias = gradient.outputs.size() > 1 ? tensor(gradient.outputs[1]) : nullptr;
    g.layout = weight_layout(*g.weight);
    g.window = convolution_axes(low, op, *g.weight, g.x, g.dy);
    g.kernel = g.window;
    if (g.weight->gathered) g.kernel = {{1, 1, 0, g.dy.h, g.dy.h, false}, {1, 1, 0, g.dy.w, g.dy.w, false}};
    g.format = models::wider(g.x.format, g.dy.format);
    g.lanes = low.lanes();
    g.exact = exact_pieces(low.graph(), op);
    g.exact.batch_groups = std::min(g.exact.batch_groups, g.dy.batch_groups);
    if (op.kind == OpKind::kSumForWeights || op.inputs.size() > 2)
      g.carried =
          carried_sums(low.graph(), op, op.groups)->accumulators ? Carried::kAccumulators : Carried::kFp32;
    return g;
  }

  const Layer& layer() const { return low_.graph().layer(op_); }
  std::int64_t spill_lines() const { return g_.spill_lines(); }

  // Blocks of input channels of this group; of a part of the gradient, those that are in it.
  Range blocks_there() const {
    const Range all{0, ceil_div(in_.end(), lanes_)};
    if (weight_.part_rows == 0) return all;
    const std::int64_t rows = layout_.taps * layout_.out_pitch;
    return {weight_.first_row / rows, std::min(all.end, rows_there(weight_).end / rows)};
  }

  static std::vector<Range> pieces_of(const Range& range, std::int64_t step) {
    std::vector<Range> result = pieces(range.size(), step);
    for (Range& piece : result) piece = {piece.begin + range.begin, piece.end + range.begin};
    return result;
  }
  void make_parts() {
    for (const Range& bg : pieces(dy_.batch_groups, g_.exact.batch_groups)) {
      for (const Range& y : pieces(dy_.h, g_.exact.y)) {
        for (const Range& x : pieces(dy_.w, g_.exact.x)) make_sum({bg, y, x});
      }
    }
    sums_.front().first = !(comes_ && g_.carried == Carried::kFp32);
    sums_.back().last = !(goes_on_ && g_.carried == Carried::kFp32);
  }
  void make_sum(const ReductionPart& sum) {
    const std::size_t begin = parts_.size();
    for (const Range& bg : pieces_of(sum.bg, t_.batch_groups)) {
      for (const Range& y : pieces_of(sum.y, t_.y)) {
        for (const Range& x : pieces_of(sum.x, t_.x)) parts_.push_back({bg, y, x});
      }
    }
    sums_.push_back({begin, parts_.size(), false, false});
  }

  // A tile of weights: their accumulators are alive at once.
  struct Weights {
    Range ob, ib, ky, kx;  // blocks of output and input channels, taps
    int which;             // of the two buffers for gradients
    std::int64_t taps() const { return ky.size() * kx.size(); }
    std::int64_t tap(std::int64_t y, std::int64_t x) const {
      return (y - ky.begin) * kx.size() + x - kx.begin;
    }
    bool first_of_outputs() const { return ib.begin == 0 && ky.begin == 0 && kx.begin == 0; }
  };

  // Parts of the reduction that are summed exactly; the sums are added up in FP32.
  struct Sum {
    std::size_t begin, end;
    bool first, last;
    bool whole() const { return first && last; }
  };

  // All parts of the reduction for them.
  void weights(const Weights& w) {
    const bool with_bias = bias_ != nullptr && w.first_of_outputs();
    if (comes_) move_carried(w, with_bias, false);
    for (const Sum& sum : sums_) {
      sum_ = sum;
      sum_up(w, with_bias);
      if (sum.first) continue;
      add_sum(w);
      if (with_bias) add_bias_sum(w.ob);
    }
    if (goes_on_) return move_carried(w, with_bias, true);
    store(w);
    if (with_bias) store_bias(w.ob);
  }

  void sum_up(const Weights& w, bool with_bias) {
    for (std::size_t p = sum_.begin; p < sum_.end; ++p) {
      operands_.load_gradient(w.ob, parts_[p]);
      const bool any = operands_.load_input(w.ib, w.ky, w.kx, parts_[p]);
      if (with_bias) accumulate_bias(w, p);
      if (!any) continue;
      for (const TapClass& cy : taps_met(kernel_y_, w.ky, parts_[p].y)) {
        for (const TapClass& cx : taps_met(kernel_x_, w.kx, parts_[p].x)) accumulate(w, cy, cx, p);
      }
    }
    if (!keeps_accumulators()) zero_unmet(w);
  }
  bool finds_accumulators() const { return comes_ && g_.carried == Carried::kAccumulators; }
  bool keeps_accumulators() const { return goes_on_ && g_.carried == Carried::kAccumulators; }

  std::int64_t image_lines() const { return lanes_ / per_line_; }

  // Whether the taps meet the reduction in one of the parts [begin, end).
  bool meets(const TapClass& cy, const TapClass& cx, std::size_t begin, std::size_t end) const {
    for (std::size_t p = begin; p < end; ++p) {
      const auto y = tap_classes(kernel_y_, cy.tap, cy.tap + 1, parts_[p].y.begin, parts_[p].y.end);
      const auto x = tap_classes(kernel_x_, cx.tap, cx.tap + 1, parts_[p].x.begin, parts_[p].x.end);
      if (y[0].outs > 0 && x[0].outs > 0) return true;
    }
    return false;
  }

  void accumulate(const Weights& w, const TapClass& cy, const TapClass& cx, std::size_t p) {
    // taps of a class may meet the first or last part differently: such classes are taken tap by tap
    const bool whole_images = t_.y == dy_.h && t_.x == dy_.w;
    const bool uniform = whole_images || (!kernel_y_.sticks_out() && !kernel_x_.sticks_out());
    if (!uniform && (cy.taps > 1 || cx.taps > 1)) {
      for (std::int64_t i = 0; i < cy.taps; ++i) {
        for (std::int64_t j = 0; j < cx.taps; ++j)
          accumulate(w, {cy.tap + i, 1, cy.out, cy.outs}, {cx.tap + j, 1, cx.out, cx.outs}, p);
      }
      return;
    }
    const bool first = !finds_accumulators() && !meets(cy, cx, sum_.begin, p),
               last = !keeps_accumulators() && !meets(cy, cx, p + 1, sum_.end);
    for (std::int64_t o = w.ob.begin; o < w.ob.end; ++o) {
      // blocks of input channels with the same lanes share an instruction
      for (std::int64_t i = w.ib.begin; i < w.ib.end;) {
        const Range lanes = block_lanes(i);
        std::int64_t end = i + 1;
        while (end < w.ib.end && block_lanes(end).begin == lanes.begin && block_lanes(end).end == lanes.end)
          ++end;
        multiply({w, o, {i, end}, cy, cx, parts_[p], first, last});
        i = end;
      }
    }
  }

  Range block_lanes(std::int64_t in_block) const {
    return {std::max<std::int64_t>(0, in_.offset - in_block * lanes_),
            std::min(lanes_, in_.end() - in_block * lanes_)};
  }
  Range block_rows(std::int64_t out_block) const {
    return {std::max<std::int64_t>(0, out_.offset - out_block * lanes_),
            std::min(lanes_, out_.end() - out_block * lanes_)};
  }
  // Output channel that row 0 of the block stands for, counted in the whole layer.
  std::int64_t out_channel(std::int64_t out_block) const {
    return group_ * (weight_.shape[0] / weight_.groups) - out_.offset + out_block * lanes_;
  }

  // What one tensor instruction computes: one block of output channels, some of input channels, taps of one
  // class on each axis, over one part of the reduction.
  struct Product {
    const Weights& weights;
    std::int64_t out_block;
    Range in_blocks;
    const TapClass &y, &x;
    const ReductionPart& part;
    bool first, last;  // of the sum
    std::int64_t local_out() const { return out_block - weights.ob.begin; }
    std::int64_t local_in() const { return in_blocks.begin - weights.ib.begin; }
    std::int64_t tap() const { return weights.tap(y.tap, x.tap); }
  };
  // The independent loops.
  struct Loops {
    Nest::Strides in, y, x;
  };

  void multiply(const Product& p) {
    const Range tile_rows = block_rows(p.out_block), lanes = block_lanes(p.in_blocks.begin);
    if (tile_rows.size() <= 0 || lanes.size() <= 0) return;
    const ReductionPart& part = p.part;
    isa::Tensor t = multiplying(format_, dy_.slot, x_.slot);
    set_rows(t, tile_rows.begin, tile_rows.size());
    t.mask = lane_mask(lanes.begin, lanes.size());
    // transposed operands: lines [block][bg][y][x][image lines]
    const std::int64_t k = image_lines();
    const std::int64_t ax = k, ay = part.x.size() * k, abg = part.y.size() * ay,
                       ablock = part.bg.size() * abg;
    const std::int64_t bx = k, by = operands_.x().size() * k, bbg = operands_.y().size() * by,
                       bblock = part.bg.size() * bbg;
    t.a = at(operands_.dy_line() + p.local_out() * ablock + (p.y.out - part.y.begin) * ay +
             (p.x.out - part.x.begin) * ax);
    const std::int64_t iy =
        p.y.out * kernel_y_.stride + p.y.tap * kernel_y_.dilation - kernel_y_.pad - operands_.y().begin;
    const std::int64_t ix =
        p.x.out * kernel_x_.stride + p.x.tap * kernel_x_.dilation - kernel_x_.pad - operands_.x().begin;
    t.b = at(operands_.x_line() + p.local_in() * bblock + iy * by + ix * bx);
    Loops l;
    l.in.b = bblock;
    l.y.b = kernel_y_.dilation * by;
    l.x.b = kernel_x_.dilation * bx;
    start_and_end(t, p, l);
    low_.emit(t, Nest()
                     .loop(p.in_blocks.size(), l.in)
                     .loop(p.y.taps, l.y)
                     .loop(p.x.taps, l.x)
                     .fold(part.bg.size(), {abg, bbg})
                     .fold(p.y.outs, {ay, kernel_y_.stride * by})
                     .fold(p.x.outs, {ax, kernel_x_.stride * bx})
                     .fold(k, {1, 1}));
  }

  // What the accumulators start from, and where they go: spilled tiles [out block][in block][ky][kx], or rows
  // [in block][ky][kx][out rows] of the gradient.
  void start_and_end(isa::Tensor& t, const Product& p, Loops& l) const {
    const Weights& w = p.weights;
    const auto walk = [&](std::int64_t Nest::Strides::*stream, std::int64_t of_tap) {
      l.in.*stream = w.taps() * of_tap;
      l.y.*stream = w.kx.size() * of_tap;
      l.x.*stream = of_tap;
    };
    const std::int64_t spill = spill_lines();
    const std::int64_t spilled =
        spill_line_[w.which] + ((p.local_out() * w.ib.size() + p.local_in()) * w.taps() + p.tap()) * spill;
    if (!p.first) {
      t.init = isa::Init::kSpill;
      t.c = at(spilled);
      walk(&Nest::Strides::c, spill);
    }
    set_indices(t, p, l);
    if (!p.last) {
      writes_to(t, weight_);
      t.spill = 1;
      t.o = at(spilled);
      walk(&Nest::Strides::o, spill);
      l.in.x = l.y.x = l.x.x = 0;
      return;
    }
    leaves(t, weight_, sum_.whole());
    const std::int64_t pitch = tile_pitch(w.ob);
    t.o = at(sum_row(w) + (p.local_in() * w.taps() + p.tap()) * pitch + p.local_out() * lanes_);
    walk(&Nest::Strides::o, pitch);
  }

  void set_indices(isa::Tensor& t, const Product& p, Loops& l) const {
    const auto [oc_size, ic_size, kh, kw] = weight_.shape;
    // lane c KH KW + ky KW + kx of gathered weights is weight [oc][c][ky][kx]
    const std::int64_t row_index = ic_size * kh * kw, lane_index = weight_.gathered ? 1 : kh * kw;
    const std::int64_t first_lane = p.in_blocks.begin * lanes_ - in_.offset;
    const std::int64_t tap = weight_.gathered ? 0 : p.y.tap * kw + p.x.tap;
    t.x =
        indices(out_channel(p.out_block) * row_index + first_lane * lane_index + tap, lane_index, row_index);
    l.in.x = lanes_ * lane_index;
    if (weight_.gathered) return;
    l.y.x = kw;
    l.x.x = 1;
  }

  std::int64_t tile_pitch(const Range& ob) const {
    return std::min(ob.size() * lanes_, layout_.out_pitch - ob.begin * lanes_);
  }
  std::int64_t gradient_row(const Weights& w) const {
    return models::row_of_line(weight_.format, gradient_line_[w.which]);
  }
  // Where the sum goes: all of the gradient, or FP32 rows in the same order.
  std::int64_t sum_row(const Weights& w) const {
    return sum_.whole() ? gradient_row(w) : fp32_row(sum_line_[sum_.first ? 0 : 1]);
  }
  static std::int64_t fp32_row(std::int64_t line) { return models::row_of_line(isa::Format::kFp32, line); }
  // An instruction writes the gradient itself, if that is whole, or FP32 on the way to it.
  template <class Arithmetic>
  void leaves(Arithmetic& instruction, const TensorInfo& gradient, bool whole) const {
    if (whole)
      low_.produces(instruction, gradient);
    else
      writes_to(instruction, isa::Format::kFp32, kConstantSlot);
  }
  void add_sum(const Weights& w) {
    const std::int64_t pitch = tile_pitch(w.ob), in_pitch = w.taps() * pitch, row_pitch = w.kx.size() * pitch;
    const auto [oc_size, ic_size, kh, kw] = weight_.shape;
    const std::int64_t row_index = ic_size * kh * kw, lane_index = weight_.gathered ? 1 : kh * kw;
    const Range channels = channels_of(w.ob);
    for (std::int64_t i = w.ib.begin; i < w.ib.end; ++i) {
      const Range lanes = block_lanes(i);
      if (lanes.size() <= 0 || channels.size() <= 0) continue;
      const std::int64_t row = (i - w.ib.begin) * in_pitch + channels.begin;
      isa::Vector v;
      v.op = isa::VectorOp::kAdd;
      leaves(v, weight_, sum_.last);
      v.mask = lane_mask(lanes.begin, lanes.size());
      v.a = rows(isa::Format::kFp32, kConstantSlot, fp32_row(sum_line_[0]) + row);
      v.b = rows(isa::Format::kFp32, kConstantSlot, fp32_row(sum_line_[1]) + row);
      v.o = at((sum_.last ? gradient_row(w) : fp32_row(sum_line_[0])) + row);
      const std::int64_t tap = weight_.gathered ? 0 : w.ky.begin * kw + w.kx.begin;
      v.x = indices((out_channel(w.ob.begin) + channels.begin) * row_index +
                        (i * lanes_ - in_.offset) * lane_index + tap,
                    lane_index);
      const auto walk = [](std::int64_t pitch_of, std::int64_t index) {
        return Nest::Strides{pitch_of, pitch_of, 0, pitch_of, index};
      };
      low_.emit(v, Nest()
                       .loop(w.ky.size(), walk(row_pitch, weight_.gathered ? 0 : kw))
                       .loop(w.kx.size(), walk(pitch, weight_.gathered ? 0 : 1))
                       .loop(channels.size(), walk(1, row_index)));
    }
  }
  // Rows of the blocks that hold output channels, from the first block's first on.
  Range channels_of(const Range& ob) const {
    const Range all{std::max(out_.offset, ob.begin * lanes_), std::min(out_.end(), ob.end * lanes_)};
    return {all.begin - ob.begin * lanes_, all.end - ob.begin * lanes_};
  }

  void accumulate_bias(const Weights& w, std::size_t p) {
    const Range& ob = w.ob;
    const ReductionPart& part = parts_[p];
    const std::int64_t k = image_lines(), pixels = part.bg.size() * part.y.size() * part.x.size();
    for (std::int64_t o = ob.begin; o < ob.end; ++o) {
      const Range lanes = block_rows(o);  // rows of the weights are lanes of the biases
      if (lanes.size() <= 0) continue;
      isa::Tensor t = multiplying(format_, kConstantSlot, dy_.slot);
      set_rows(t, 0, 1);
      t.mask = lane_mask(lanes.begin, lanes.size());
      t.a = at(ones_line_);
      t.b = at(operands_.dy_line() + (o - ob.begin) * pixels * k);
      t.x = indices(out_channel(o), 1);
      const std::int64_t spilled = spilled_biases(w) + (o - ob.begin) * spill_lines();
      if (p > sum_.begin || finds_accumulators()) {
        t.init = isa::Init::kSpill;
        t.c = at(spilled);
      }
      if (p + 1 < sum_.end || keeps_accumulators()) {
        writes_to(t, *bias_);
        t.spill = 1;
        t.o = at(spilled);
      } else {
        leaves(t, *bias_, sum_.whole());
        t.o = at((sum_.whole() ? bias_row() : fp32_row(bias_sum_line_[sum_.first ? 0 : 1])) + o - ob.begin);
      }
      const std::int64_t row = part.x.size() * k, group = part.y.size() * row;
      low_.emit(t, Nest().fold(part.bg.size(), {0, group}).fold(part.y.size(), {0, row}).fold(row, {0, 1}));
    }
  }

  std::int64_t spilled_biases(const Weights& w) const {
    return spill_line_[w.which] + t_.in_blocks * t_.out_blocks * t_.ky * t_.kx * spill_lines();
  }
  std::int64_t bias_row() const { return models::row_of_line(bias_->format, bias_line_); }
  void add_bias_sum(const Range& ob) {
    for (std::int64_t o = ob.begin; o < ob.end; ++o) {
      const Range lanes = block_rows(o);
      if (lanes.size() <= 0) continue;
      isa::Vector v;
      v.op = isa::VectorOp::kAdd;
      leaves(v, *bias_, sum_.last);
      v.mask = lane_mask(lanes.begin, lanes.size());
      v.a = rows(isa::Format::kFp32, kConstantSlot, fp32_row(bias_sum_line_[0]) + o - ob.begin);
      v.b = rows(isa::Format::kFp32, kConstantSlot, fp32_row(bias_sum_line_[1]) + o - ob.begin);
      v.o = at((sum_.last ? bias_row() : fp32_row(bias_sum_line_[0])) + o - ob.begin);
      v.x = indices(out_channel(o), 1);
      low_.emit(v, Nest().loop(1, {1, 1, 0, 1}));
    }
  }

  // Taps that meet no input in the sum are zero in it.
  void zero_unmet(const Weights& w) {
    for (std::int64_t y = w.ky.begin; y < w.ky.end; ++y) {
      for (std::int64_t x = w.kx.begin; x < w.kx.end; ++x) {
        if (!meets({y, 1, 0, 0}, {x, 1, 0, 0}, sum_.begin, sum_.end)) zero(w, w.tap(y, x));
      }
    }
  }

  void zero(const Weights& w, std::int64_t tap) {
    for (std::int64_t i = w.ib.begin; i < w.ib.end; ++i) {
      const Range lanes = block_lanes(i);
      const Range channels = channels_of(w.ob);
      isa::Vector v;
      v.op = isa::VectorOp::kCopy;
      leaves(v, weight_, sum_.whole());
      v.mask = lane_mask(lanes.begin, lanes.size());
      v.a = scalar(low_.scalar(0.0f));
      v.o = at(sum_row(w) + ((i - w.ib.begin) * w.taps() + tap) * tile_pitch(w.ob) + channels.begin);
      low_.emit(v, Nest().loop(channels.size(), {0, 0, 0, 1}));
    }
  }

  void store(const Weights& w) {
    move(weight_.format, gradient_row(w), low_.base_row(weight_) + first_row(w), rows_of(w), true);
  }

  // Of the gradient: the first row of these weights, and all of them, from the scratchpad to HBM.
  std::int64_t first_row(const Weights& w) const {
    return group_ * layout_.group_rows() +
           (w.ib.begin * layout_.taps + w.ky.begin * kernel_x_.kernel + w.kx.begin) * layout_.out_pitch +
           w.ob.begin * lanes_;
  }
  std::vector<Walk> rows_of(const Weights& w) const {
    const std::int64_t pitch = tile_pitch(w.ob);
    return {{w.ib.size(), w.taps() * pitch, layout_.taps * layout_.out_pitch},
            {w.ky.size(), w.kx.size() * pitch, kernel_x_.kernel * layout_.out_pitch},
            {w.kx.size(), pitch, layout_.out_pitch},
            {pitch, 1, 1}};
  }
  // Likewise accumulators.
  std::vector<Walk> accumulators_of(const Weights& w) const {
    const std::int64_t tile = spill_lines(), block = layout_.taps * tile;
    return {{w.ob.size(), w.ib.size() * w.taps() * tile, layout_.in_blocks * block},
            {w.ib.size(), w.taps() * tile, block},
            {w.ky.size(), w.kx.size() * tile, kernel_x_.kernel * tile},
            {w.kx.size() * tile, 1, 1}};
  }

  // Rows between the scratchpad and HBM, there or back.
  void move(isa::Format format, std::int64_t here, std::int64_t there, std::vector<Walk> walks, bool store) {
    if (store) return low_.copy(format, in_scratchpad(here), in_hbm(there), walks);
    for (Walk& walk : walks) std::swap(walk.src, walk.dst);
    low_.copy(format, in_hbm(there), in_scratchpad(here), walks);
  }

  // The sums so far of these weights.
  void move_carried(const Weights& w, bool with_bias, bool store) {
    const std::int64_t block = group_ * layout_.out_blocks + w.ob.begin,
                       biases = carried_line_ + carried_.lines_for_weights;
    if (!carried_.accumulators) {
      move(models::kRawWords, sum_line_[0], carried_line_ + first_row(w), rows_of(w), store);
      if (with_bias) move(models::kRawWords, bias_sum_line_[0], biases + block, {{w.ob.size(), 1, 1}}, store);
      return;
    }
    const std::int64_t tile =
        (block * layout_.in_blocks + w.ib.begin) * layout_.taps + w.ky.begin * kernel_x_.kernel + w.kx.begin;
    move(models::kRawWords, spill_line_[w.which], carried_line_ + tile * spill_lines(), accumulators_of(w),
         store);
    if (!with_bias) return;
    const std::int64_t row = models::accumulator_lines(format_, 1);
    move(models::kRawWords, spilled_biases(w), biases + block * row,
         {{w.ob.size(), spill_lines(), row}, {row, 1, 1}}, store);
  }

  void store_bias(const Range& ob) {
    low_.copy(bias_->format, in_scratchpad(bias_row()),
              in_hbm(low_.base_row(*bias_) + group_ * layout_.out_blocks + ob.begin), {{ob.size(), 1, 1}});
  }

  Lowering& low_;
  const Op& op_;
  std::int64_t lanes_;
  WeightGradientGeometry g_;
  const Image &x_, &dy_;
  const TensorInfo& weight_;
  const TensorInfo* bias_;
  const WeightLayout& layout_;
  isa::Format format_;
  std::int64_t per_line_;
  const Axis &kernel_y_, &kernel_x_;
  WeightGradientTiling t_;
  std::vector<ReductionPart> parts_;
  std::vector<Sum> sums_;
  Sum sum_{};  // that is being made
  std::int64_t group_ = 0;
  ChannelWindow in_, out_;
  bool comes_ = false, goes_on_ = false;  // sums of images before these; for images after them
  CarriedSums carried_;
  std::int64_t carried_line_ = 0;  // of HBM
  std::int64_t ones_line_ = 0, bias_line_ = 0;
  std::int64_t spill_line_[2]{};  // by Weights::which
  std::int64_t gradient_line_[2]{};
  std::int64_t sum_line_[2]{}, bias_sum_line_[2]{};  // FP32: of the sums so far, of one
  int tile_ = 0;
  TransposedOperands operands_;
};

}  // namespace

void lower_convolution_backward_weight(Lowering& low, const Op& op) { WeightGradient(low, op).run(); }

}  // namespace anzan::compiler
