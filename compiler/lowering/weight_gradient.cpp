// The gradient of weights and biases: lanes are input channels, rows are output channels, and the
// reduction walks (batch group, y, x, image), so both operands are transposed first: blocks of L images by
// L channels become lines whose words hold neighbouring images.
#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "compiler/lowering/accumulator_bound.hpp"
#include "compiler/lowering/convolution.hpp"
#include "compiler/lowering/transposed_operands.hpp"
#include "compiler/lowering/weight_gradient_tiling.hpp"
#include "models/number_format.hpp"

namespace anzan::compiler {
namespace {

using isa::Space;

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
    t_ = search_tiling(g_, low_.room(), layer().name);
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
    if (bias_ != nullptr) {
      low_.copy(models::kRawWords, Space::kHbm, low_.constants().ones_line(format_), Space::kScratchpad,
                ones_line_, {{1, 1, 1}});
    }
    make_chunks();
    for (group_ = 0; group_ < layout_.groups; ++group_) {
      in_ = layout_.in_window(group_);
      out_ = layout_.out_window(group_);
      operands_.select(in_, out_);
      for (const Range& ob : pieces(ceil_div(out_.end(), lanes_), t_.out_blocks)) {
        for (const Range& ib : pieces(ceil_div(in_.end(), lanes_), t_.in_blocks)) {
          for (const Range& ky : pieces(kernel_y_.kernel, t_.ky)) {
            for (const Range& kx : pieces(kernel_x_.kernel, t_.kx)) weights(ob, ib, ky, kx);
          }
        }
      }
    }
  }

 private:
  static WeightGradientGeometry geometry(const Lowering& low, const Op& op) {
    WeightGradientGeometry g;
    const auto tensor = [&](int t) { return &low.graph().tensors[static_cast<std::size_t>(t)]; };
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

  const Layer& layer() const { return low_.graph().network.layers[static_cast<std::size_t>(op_.layer)]; }
  std::int64_t spill_lines() const { return g_.spill_lines(); }

  void make_chunks() {
    for (const Range& bg : pieces(dy_.batch_groups, t_.batch_groups)) {
      for (const Range& y : pieces(dy_.h, t_.y)) {
        for (const Range& x : pieces(dy_.w, t_.x)) parts_.push_back({bg, y, x});
      }
    }
  }

  // All parts of the reduction for one tile of weights.
  void weights(const Range& ob, const Range& ib, const Range& ky, const Range& kx) {
    const bool with_bias = bias_ != nullptr && ib.begin == 0 && ky.begin == 0 && kx.begin == 0;
    const int which = tile_++ % 2;
    for (std::size_t p = 0; p < parts_.size(); ++p) {
      operands_.load_gradient(ob, parts_[p]);
      const bool any = operands_.load_input(ib, ky, kx, parts_[p]);
      if (with_bias) accumulate_bias(ob, p);
      if (any) {
        for (const TapClass& cy : taps_met(kernel_y_, ky, parts_[p].y)) {
          for (const TapClass& cx : taps_met(kernel_x_, kx, parts_[p].x))
            accumulate(ob, ib, ky, kx, cy, cx, p, which);
        }
      }
    }
    zero_unmet(ob, ib, ky, kx, which);
    store(ob, ib, ky, kx, which);
    if (with_bias) store_bias(ob);
  }

  std::int64_t image_lines() const { return lanes_ / per_line_; }

  void start_and_end(isa::Tensor& t, bool first, bool last, std::int64_t spilled, const Nest::Strides& spill,
                     Nest::Strides& level) const {
    if (!first) {
      t.init = isa::Init::kSpill;
      t.c = at(spilled);
      level[2] = spill[2];
    }
    if (!last) {
      t.spill = 1;
      t.o = at(spilled);
      level[3] = spill[3];
      level[4] = 0;
    }
  }

  // Whether the taps meet the reduction in one of the parts [begin, end).
  bool meets(const TapClass& cy, const TapClass& cx, std::size_t begin, std::size_t end) const {
    for (std::size_t p = begin; p < end; ++p) {
      const auto y = tap_classes(kernel_y_, cy.tap, cy.tap + 1, parts_[p].y.begin, parts_[p].y.end);
      const auto x = tap_classes(kernel_x_, cx.tap, cx.tap + 1, parts_[p].x.begin, parts_[p].x.end);
      if (y[0].outs > 0 && x[0].outs > 0) return true;
    }
    return false;
  }

  void accumulate(const Range& ob, const Range& ib, const Range& ky, const Range& kx, const TapClass& cy,
                  const TapClass& cx, std::size_t p, int which) {
    // taps of a class may meet the first or last part differently: such classes are taken tap by tap
    const bool whole_images = t_.y == dy_.h && t_.x == dy_.w;
    const bool uniform = whole_images || (kernel_y_.pad == 0 && kernel_x_.pad == 0);
    if (!uniform && (cy.taps > 1 || cx.taps > 1)) {
      for (std::int64_t i = 0; i < cy.taps; ++i) {
        for (std::int64_t j = 0; j < cx.taps; ++j) {
          accumulate(ob, ib, ky, kx, {cy.tap + i, 1, cy.out, cy.outs}, {cx.tap + j, 1, cx.out, cx.outs}, p,
                     which);
        }
      }
      return;
    }
    const bool first = !meets(cy, cx, 0, p), last = !meets(cy, cx, p + 1, parts_.size());
    for (std::int64_t o = ob.begin; o < ob.end; ++o) {
      // blocks of input channels with the same lanes share an instruction
      for (std::int64_t i = ib.begin; i < ib.end;) {
        const Range lanes = block_lanes(i);
        std::int64_t end = i + 1;
        while (end < ib.end && block_lanes(end).begin == lanes.begin && block_lanes(end).end == lanes.end)
          ++end;
        multiply({o - ob.begin, o}, {i, end}, ob, ib, ky, kx, cy, cx, p, which, first, last);
        i = end;
      }
    }
  }

  Range block_lanes(std::int64_t in_block) const {
    return {std::max<std::int64_t>(0, in_.offset - in_block * lanes_),
            std::min(lanes_, in_.end() - in_block * lanes_)};
  }

  void multiply(const Range& o, const Range& blocks, const Range& ob, const Range& ib, const Range& ky,
                const Range& kx, const TapClass& cy, const TapClass& cx, std::size_t p, int which, bool first,
                bool last) {
    const std::int64_t out_block = o.end;
    const std::int64_t row_first = std::max<std::int64_t>(0, out_.offset - out_block * lanes_);
    const std::int64_t row_end = std::min(lanes_, out_.end() - out_block * lanes_);
    const Range lanes = block_lanes(blocks.begin);
    if (row_end <= row_first || lanes.size() <= 0) return;
    const ReductionPart& part = parts_[p];
    isa::Tensor t;
    t.format = format_;
    t.slot_a = static_cast<std::uint16_t>(dy_.slot);
    t.slot_b = static_cast<std::uint16_t>(x_.slot);
    t.slot_o = static_cast<std::uint16_t>(weight_.slot);
    t.out_format = weight_.format;
    t.analyse = last && low_.analyses(weight_.slot, weight_.format) ? 1 : 0;
    t.row_first = static_cast<std::uint8_t>(row_first);
    t.row_count = static_cast<std::uint8_t>(row_end - row_first);
    t.mask = lane_mask(lanes.begin, lanes.size());
    // transposed operands: lines [block][bg][y][x][image lines]
    const std::int64_t k = image_lines();
    const std::int64_t ax = k, ay = part.x.size() * k, abg = part.y.size() * ay,
                       ablock = part.bg.size() * abg;
    const std::int64_t bx = k, by = operands_.x().size() * k, bbg = operands_.y().size() * by,
                       bblock = part.bg.size() * bbg;
    t.a = at(operands_.dy_line() + o.begin * ablock + (cy.out - part.y.begin) * ay +
             (cx.out - part.x.begin) * ax);
    const std::int64_t iy = cy.out * kernel_y_.stride + cy.tap - kernel_y_.pad - operands_.y().begin;
    const std::int64_t ix = cx.out * kernel_x_.stride + cx.tap - kernel_x_.pad - operands_.x().begin;
    t.b = at(operands_.x_line() + (blocks.begin - ib.begin) * bblock + iy * by + ix * bx);
    // gradient tile: rows [in block][ky][kx][out rows]; spilled tiles [out block][in block][ky][kx]
    const std::int64_t pitch = tile_pitch(ob), taps = ky.size() * kx.size(), spill = spill_lines();
    const std::int64_t tap = (cy.tap - ky.begin) * kx.size() + cx.tap - kx.begin;
    const std::int64_t local_in = blocks.begin - ib.begin;
    t.o = at(gradient_line_[which] * models::elements_per_word(weight_.format) +
             (local_in * taps + tap) * pitch + o.begin * lanes_);
    const auto [oc_size, ic_size, kh, kw] = weight_.shape;
    const std::int64_t row_index = ic_size * kh * kw;
    const std::int64_t oc0 = group_ * (oc_size / weight_.groups) - out_.offset + out_block * lanes_;
    const std::int64_t ic0 = blocks.begin * lanes_ - in_.offset;
    std::int64_t lane_index = kh * kw, tap_y = kw, tap_x = 1, block_index = lanes_ * lane_index;
    std::int64_t base_index = oc0 * row_index + ic0 * lane_index + cy.tap * kw + cx.tap;
    if (weight_.gathered) {
      // lane c KH KW + ky KW + kx is weight [oc][c][ky][kx]
      lane_index = 1;
      block_index = lanes_;
      tap_y = tap_x = 0;
      base_index = oc0 * row_index + ic0;
    }
    t.x.base = static_cast<std::uint32_t>(base_index);
    t.x.row_stride = static_cast<std::int32_t>(row_index);
    t.x.lane_stride = static_cast<std::int32_t>(lane_index);
    Nest::Strides in{0, bblock, 0, taps * pitch, block_index};
    Nest::Strides y{0, by, 0, kx.size() * pitch, tap_y}, x{0, bx, 0, pitch, tap_x};
    const std::int64_t spilled = spill_line_ + ((o.begin * ib.size() + local_in) * taps + tap) * spill;
    start_and_end(t, first, last, spilled, {0, 0, taps * spill, taps * spill, 0}, in);
    start_and_end(t, first, last, spilled, {0, 0, kx.size() * spill, kx.size() * spill, 0}, y);
    start_and_end(t, first, last, spilled, {0, 0, spill, spill, 0}, x);
    Nest()
        .loop(blocks.size(), in)
        .loop(cy.taps, y)
        .loop(cx.taps, x)
        .fold(part.bg.size(), {abg, bbg, 0, 0, 0})
        .fold(cy.outs, {ay, kernel_y_.stride * by, 0, 0, 0})
        .fold(cx.outs, {ax, kernel_x_.stride * bx, 0, 0, 0})
        .fold(k, {1, 1, 0, 0, 0})
        .finish(t);
    low_.emit(t);
  }

  std::int64_t tile_pitch(const Range& ob) const {
    return std::min(ob.size() * lanes_, layout_.out_pitch - ob.begin * lanes_);
  }

  void accumulate_bias(const Range& ob, std::size_t p) {
    const ReductionPart& part = parts_[p];
    const std::int64_t k = image_lines(), pixels = part.bg.size() * part.y.size() * part.x.size();
    const bool first = p == 0, last = p + 1 == parts_.size();
    for (std::int64_t o = ob.begin; o < ob.end; ++o) {
      const std::int64_t lane_first = std::max<std::int64_t>(0, out_.offset - o * lanes_);
      const std::int64_t lane_end = std::min(lanes_, out_.end() - o * lanes_);
      if (lane_end <= lane_first) continue;
      isa::Tensor t;
      t.format = format_;
      t.slot_a = kConstantSlot;
      t.slot_b = static_cast<std::uint16_t>(dy_.slot);
      t.slot_o = static_cast<std::uint16_t>(bias_->slot);
      t.out_format = bias_->format;
      t.analyse = last && low_.analyses(bias_->slot, bias_->format) ? 1 : 0;
      t.row_count = 1;
      t.mask = lane_mask(lane_first, lane_end - lane_first);
      t.a = at(ones_line_);
      t.b = at(operands_.dy_line() + (o - ob.begin) * pixels * k);
      t.o = at(bias_line_ * models::elements_per_word(bias_->format) + o - ob.begin);
      const std::int64_t oc0 = group_ * (weight_.shape[0] / weight_.groups) - out_.offset + o * lanes_;
      t.x.base = static_cast<std::uint32_t>(oc0);
      t.x.lane_stride = 1;
      const std::int64_t spilled =
          spill_line_ + (t_.in_blocks * t_.out_blocks * t_.ky * t_.kx + o - ob.begin) * spill_lines();
      Nest::Strides unused{};
      start_and_end(t, first, last, spilled, {}, unused);
      Nest().fold(pixels * k, {0, 1, 0, 0, 0}).finish(t);
      low_.emit(t);
    }
  }

  // Taps that meet no input at all have gradient zero.
  void zero_unmet(const Range& ob, const Range& ib, const Range& ky, const Range& kx, int which) {
    for (std::int64_t y = ky.begin; y < ky.end; ++y) {
      for (std::int64_t x = kx.begin; x < kx.end; ++x) {
        if (meets({y, 1, 0, 0}, {x, 1, 0, 0}, 0, parts_.size())) continue;
        for (std::int64_t i = ib.begin; i < ib.end; ++i) {
          const Range lanes = block_lanes(i);
          const Range rows{std::max(out_.offset, ob.begin * lanes_), std::min(out_.end(), ob.end * lanes_)};
          isa::Vector v;
          v.op = isa::VectorOp::kCopy;
          v.out_format = weight_.format;
          v.slot_o = static_cast<std::uint16_t>(weight_.slot);
          v.analyse = low_.analyses(weight_.slot, weight_.format) ? 1 : 0;
          v.mask = lane_mask(lanes.begin, lanes.size());
          v.a.kind = isa::OperandKind::kScalar;
          v.a.format = isa::Format::kFp32;
          v.a.at = at(low_.scalar(0.0f));
          const std::int64_t tap = (y - ky.begin) * kx.size() + x - kx.begin;
          v.o = at(gradient_line_[which] * models::elements_per_word(weight_.format) +
                   ((i - ib.begin) * ky.size() * kx.size() + tap) * tile_pitch(ob) + rows.begin -
                   ob.begin * lanes_);
          Nest().loop(rows.size(), {0, 0, 0, 1, 0}).finish(v);
          low_.emit(v);
        }
      }
    }
  }

  void store(const Range& ob, const Range& ib, const Range& ky, const Range& kx, int which) {
    const std::int64_t pitch = tile_pitch(ob), taps = ky.size() * kx.size();
    const std::int64_t row =
        low_.base_row(weight_) + group_ * layout_.group_rows() +
        (ib.begin * layout_.taps + ky.begin * kernel_x_.kernel + kx.begin) * layout_.out_pitch +
        ob.begin * lanes_;
    low_.copy(weight_.format, Space::kScratchpad,
              gradient_line_[which] * models::elements_per_word(weight_.format), Space::kHbm, row,
              {{ib.size(), taps * pitch, layout_.taps * layout_.out_pitch},
               {ky.size(), kx.size() * pitch, kernel_x_.kernel * layout_.out_pitch},
               {kx.size(), pitch, layout_.out_pitch},
               {pitch, 1, 1}});
  }

  void store_bias(const Range& ob) {
    low_.copy(bias_->format, Space::kScratchpad, bias_line_ * models::elements_per_word(bias_->format),
              Space::kHbm, low_.base_row(*bias_) + group_ * layout_.out_blocks + ob.begin,
              {{ob.size(), 1, 1}});
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
