// The gradient of weights and biases: lanes are input channels, rows are output channels, and the
// reduction walks (batch group, y, x, image), so both operands are transposed first: blocks of L images by
// L channels become lines whose words hold neighbouring images.
#include "compiler/lowering/weight_gradient.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "compiler/lowering/accumulator_bound.hpp"
#include "compiler/lowering/convolution.hpp"
#include "compiler/lowering/transposed_operands.hpp"
#include "compiler/lowering/weight_gradient_tiling.hpp"
#include "models/number_format.hpp"

namespace anzan::compiler {
namespace {

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
        operands_(low, g_) {}

  void run() {
    prove_accumulator(low_.graph(), format_, x_.slot, dy_.slot, dy_.n * dy_.h * dy_.w, layer().name);
    t_ = search_tiling(g_, low_, layer().name);
    const WeightGradientBuffers b = buffers(g_, t_);
    low_.take_scratchpad(b.total());
    low_.note(fmt::format(
        "convolution_backward_weight {}: output blocks {}, input blocks {}, taps {} x {}; batch groups {}, "
        "y {}, x {}; {} of {} lines",
        layer().name, t_.out_blocks, t_.in_blocks, t_.ky, t_.kx, t_.batch_groups, t_.y, t_.x, b.total(),
        low_.capacity()));
    ones_line_ = low_.allocate(b.ones);
    spill_line_ = low_.allocate(b.spill);
    bias_line_ = low_.allocate(b.bias);
    for (std::int64_t& line : gradient_line_) line = low_.allocate(b.gradient);
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
        for (const Range& ib : pieces(ceil_div(in_.end(), lanes_), t_.in_blocks)) {
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
    g.weight = tensor(op.outputs[0]);
    g.bias = op.outputs.size() > 1 ? tensor(op.outputs[1]) : nullptr;
    g.layout = weight_layout(*g.weight);
    g.window = convolution_axes(low, op, *g.weight, g.x, g.dy);
    g.kernel = g.window;
    if (g.weight->gathered) g.kernel = {{1, 1, 0, g.dy.h, g.dy.h, false}, {1, 1, 0, g.dy.w, g.dy.w, false}};
    g.format = models::wider(g.x.format, g.dy.format);
    g.lanes = low.lanes();
    return g;
  }

  const Layer& layer() const { return low_.graph().layer(op_); }
  std::int64_t spill_lines() const { return g_.spill_lines(); }

  void make_parts() {
    for (const Range& bg : pieces(dy_.batch_groups, t_.batch_groups)) {
      for (const Range& y : pieces(dy_.h, t_.y)) {
        for (const Range& x : pieces(dy_.w, t_.x)) parts_.push_back({bg, y, x});
      }
    }
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

  // All parts of the reduction for them.
  void weights(const Weights& w) {
    const bool with_bias = bias_ != nullptr && w.first_of_outputs();
    for (std::size_t p = 0; p < parts_.size(); ++p) {
      operands_.load_gradient(w.ob, parts_[p]);
      const bool any = operands_.load_input(w.ib, w.ky, w.kx, parts_[p]);
      if (with_bias) accumulate_bias(w.ob, p);
      if (!any) continue;
      for (const TapClass& cy : taps_met(kernel_y_, w.ky, parts_[p].y)) {
        for (const TapClass& cx : taps_met(kernel_x_, w.kx, parts_[p].x)) accumulate(w, cy, cx, p);
      }
    }
    zero_unmet(w);
    store(w);
    if (with_bias) store_bias(w.ob);
  }

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
    const bool first = !meets(cy, cx, 0, p), last = !meets(cy, cx, p + 1, parts_.size());
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
    bool first, last;  // of the reduction
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
        spill_line_ + ((p.local_out() * w.ib.size() + p.local_in()) * w.taps() + p.tap()) * spill;
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
    low_.produces(t, weight_);
    const std::int64_t pitch = tile_pitch(w.ob);
    t.o = at(gradient_row(w) + (p.local_in() * w.taps() + p.tap()) * pitch + p.local_out() * lanes_);
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

  void accumulate_bias(const Range& ob, std::size_t p) {
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
      const std::int64_t spilled =
          spill_line_ + (t_.in_blocks * t_.out_blocks * t_.ky * t_.kx + o - ob.begin) * spill_lines();
      if (p > 0) {
        t.init = isa::Init::kSpill;
        t.c = at(spilled);
      }
      if (p + 1 < parts_.size()) {
        writes_to(t, *bias_);
        t.spill = 1;
        t.o = at(spilled);
      } else {
        low_.produces(t, *bias_);
        t.o = at(models::row_of_line(bias_->format, bias_line_) + o - ob.begin);
      }
      const std::int64_t row = part.x.size() * k, group = part.y.size() * row;
      low_.emit(t, Nest().fold(part.bg.size(), {0, group}).fold(part.y.size(), {0, row}).fold(row, {0, 1}));
    }
  }

  // Taps that meet no input at all have gradient zero.
  void zero_unmet(const Weights& w) {
    for (std::int64_t y = w.ky.begin; y < w.ky.end; ++y) {
      for (std::int64_t x = w.kx.begin; x < w.kx.end; ++x) {
        if (!meets({y, 1, 0, 0}, {x, 1, 0, 0}, 0, parts_.size())) zero(w, w.tap(y, x));
      }
    }
  }

  void zero(const Weights& w, std::int64_t tap) {
    for (std::int64_t i = w.ib.begin; i < w.ib.end; ++i) {
      const Range lanes = block_lanes(i);
      const Range channels{std::max(out_.offset, w.ob.begin * lanes_),
                           std::min(out_.end(), w.ob.end * lanes_)};
      isa::Vector v;
      v.op = isa::VectorOp::kCopy;
      low_.produces(v, weight_);
      v.mask = lane_mask(lanes.begin, lanes.size());
      v.a = scalar(low_.scalar(0.0f));
      v.o = at(gradient_row(w) + ((i - w.ib.begin) * w.taps() + tap) * tile_pitch(w.ob) + channels.begin -
               w.ob.begin * lanes_);
      low_.emit(v, Nest().loop(channels.size(), {0, 0, 0, 1}));
    }
  }

  void store(const Weights& w) {
    const std::int64_t pitch = tile_pitch(w.ob);
    const std::int64_t row =
        low_.base_row(weight_) + group_ * layout_.group_rows() +
        (w.ib.begin * layout_.taps + w.ky.begin * kernel_x_.kernel + w.kx.begin) * layout_.out_pitch +
        w.ob.begin * lanes_;
    low_.copy(weight_.format, in_scratchpad(gradient_row(w)), in_hbm(row),
              {{w.ib.size(), w.taps() * pitch, layout_.taps * layout_.out_pitch},
               {w.ky.size(), w.kx.size() * pitch, kernel_x_.kernel * layout_.out_pitch},
               {w.kx.size(), pitch, layout_.out_pitch},
               {pitch, 1, 1}});
  }

  void store_bias(const Range& ob) {
    low_.copy(bias_->format, in_scratchpad(models::row_of_line(bias_->format, bias_line_)),
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
  std::int64_t group_ = 0;
  ChannelWindow in_, out_;
  std::int64_t ones_line_ = 0, spill_line_ = 0, bias_line_ = 0;
  std::int64_t gradient_line_[2]{};
  int tile_ = 0;
  TransposedOperands operands_;
};

}  // namespace

void lower_convolution_backward_weight(Lowering& low, const Op& op) { WeightGradient(low, op).run(); }

}  // namespace anzan::compiler
