// The gradient of weights and biases: lanes are input channels, rows are output channels, and the
// reduction walks (batch group, y, x, image), so both operands are transposed first: blocks of L images by
// L channels become lines whose words hold neighbouring images.
#include <algorithm>
#include <limits>

#include <fmt/format.h>

#include "compiler/accumulator_bound.hpp"
#include "compiler/convolution.hpp"
#include "compiler/gather.hpp"
#include "compiler/input_error.hpp"

namespace anzan::compiler {
namespace {

using isa::Space;

struct Tiling {
  std::int64_t out_blocks = 1, in_blocks = 1, ky = 1, kx = 1;  // weights whose accumulators are alive at once
  std::int64_t batch_groups = 1, y = 1, x = 1;                 // the part of the reduction in the scratchpad
};

struct Buffers {
  std::int64_t x_stage = 0, x_wide = 0, x = 0, dy_stage = 0, dy_wide = 0, dy = 0, gradient = 0, bias = 0, spill = 0;
  std::int64_t ones = 1;
  std::int64_t total() const {
    return ones + spill + bias + 2 * (x_stage + x_wide + x + dy_stage + dy_wide + dy + gradient);
  }
};

std::int64_t lines(std::int64_t rows, isa::Format f) { return ceil_div(rows, rows_per_line(f)); }

class WeightGradient {
 public:
  WeightGradient(Lowering& low, const Op& op)
      : low_(low), op_(op), lanes_(low.lanes()), x_(low.image(op.inputs[0])), dy_(low.image(op.inputs[1])),
        weight_(low.graph().tensors[static_cast<std::size_t>(op.outputs[0])]),
        bias_(op.outputs.size() > 1 ? &low.graph().tensors[static_cast<std::size_t>(op.outputs[1])] : nullptr),
        layout_(weight_layout(weight_)), axes_(convolution_axes(low, op, weight_, x_, dy_)),
        format_(wider(x_.format, dy_.format)), per_line_(rows_per_line(format_)) {
    kernel_y_ = weight_.gathered ? Axis{1, 1, 0, dy_.h, dy_.h, false} : axes_.y;
    kernel_x_ = weight_.gathered ? Axis{1, 1, 0, dy_.w, dy_.w, false} : axes_.x;
  }

  void run() {
    prove_accumulator(low_.graph(), format_, x_.slot, dy_.slot, dy_.n * dy_.h * dy_.w, layer().name);
    search();
    low_.reset_scratchpad();
    const Buffers b = buffers(t_);
    low_.note(fmt::format("convolution_backward_weight {}: output blocks {}, input blocks {}, taps {} x {}; batch groups {}, "
                          "y {}, x {}; {} of {} lines",
                          layer().name, t_.out_blocks, t_.in_blocks, t_.ky, t_.kx, t_.batch_groups, t_.y, t_.x, b.total(),
                          low_.capacity()));
    ones_line_ = low_.allocate(b.ones);
    spill_line_ = low_.allocate(b.spill);
    bias_line_ = low_.allocate(b.bias);
    for (int i = 0; i < 2; ++i) {
      x_stage_[i] = low_.allocate(b.x_stage);
      x_wide_[i] = low_.allocate(b.x_wide);
      x_line_[i] = low_.allocate(b.x);
      dy_stage_[i] = low_.allocate(b.dy_stage);
      dy_wide_[i] = low_.allocate(b.dy_wide);
      dy_line_[i] = low_.allocate(b.dy);
      gradient_line_[i] = low_.allocate(b.gradient);
    }
    if (bias_ != nullptr) {
      low_.copy(isa::Format::kFp32, Space::kHbm, low_.constants().ones_line(format_), Space::kScratchpad, ones_line_,
                {{1, 1, 1}});
    }
    make_chunks();
    for (group_ = 0; group_ < layout_.groups; ++group_) {
      in_ = layout_.in_window(group_);
      out_ = layout_.out_window(group_);
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
  struct Part {  // of the reduction
    Range bg, y, x;
  };

  const Layer& layer() const { return low_.graph().network.layers[static_cast<std::size_t>(op_.layer)]; }
  std::int64_t spill_lines() const { return lanes_ * (format_ == isa::Format::kFp32 ? 1 : 2); }
  bool split(const Tiling& t) const {
    return t.batch_groups < dy_.batch_groups || t.y < dy_.h || t.x < dy_.w;
  }

  // Input pixels along one axis that `outs` outputs meet through `taps` neighbouring taps.
  static std::int64_t extent(const Axis& a, std::int64_t outs, std::int64_t taps) {
    return std::min(a.input, (outs - 1) * a.stride + taps);
  }

  Buffers buffers(const Tiling& t) const {
    Buffers b;
    const std::int64_t block = lanes_;  // rows of one transposed block
    const std::int64_t in_pixels = t.batch_groups * extent(kernel_y_, t.y, t.ky) * extent(kernel_x_, t.x, t.kx);
    const std::int64_t out_pixels = t.batch_groups * t.y * t.x;
    // staged rows: the channels of the blocks, as stored (the last block may be short)
    const std::int64_t in_rows = in_pixels * std::min(t.in_blocks * lanes_, align_channels(in_end()));
    const std::int64_t out_rows = out_pixels * std::min(t.out_blocks * lanes_, align_channels(out_end()));
    b.x = lines(in_pixels * t.in_blocks * block, format_);
    b.dy = lines(out_pixels * t.out_blocks * block, format_);
    if (weight_.gathered) {
      const std::int64_t raw = t.batch_groups * extent(axes_.y, t.y, axes_.y.kernel) *
                               extent(axes_.x, t.x, axes_.x.kernel) * align_channels(x_.c);
      b.x_stage = lines(raw, x_.format) + (x_.format != format_ ? lines(raw, format_) : 0);
      b.x_wide = lines(in_rows, format_);
    } else {
      b.x_stage = lines(in_rows, x_.format);
      if (x_.format != format_) b.x_wide = lines(in_rows, format_);
    }
    b.dy_stage = lines(out_rows, dy_.format);
    if (dy_.format != format_) b.dy_wide = lines(out_rows, format_);
    const std::int64_t out_block_rows = std::min(t.out_blocks * lanes_, layout_.out_pitch);
    b.gradient = lines(t.in_blocks * t.ky * t.kx * out_block_rows, weight_.format);
    if (bias_ != nullptr) b.bias = lines(t.out_blocks, bias_->format);
    if (split(t)) {
      b.spill = t.in_blocks * t.out_blocks * t.ky * t.kx * spill_lines();
      if (bias_ != nullptr) b.spill += t.out_blocks * spill_lines();
    }
    return b;
  }

  std::int64_t in_end() const { return layout_.in_blocks * lanes_; }
  std::int64_t out_end() const { return layout_.out_pitch; }

  std::int64_t cost(const Tiling& t, const Buffers& b) const {
    constexpr std::int64_t kInstructionPrice = 30;
    const std::int64_t weight_tiles = layout_.groups * ceil_div(layout_.out_blocks, t.out_blocks) *
                                      ceil_div(layout_.in_blocks, t.in_blocks) *
                                      ceil_div(kernel_y_.kernel, t.ky) * ceil_div(kernel_x_.kernel, t.kx);
    const std::int64_t parts = ceil_div(dy_.batch_groups, t.batch_groups) * ceil_div(dy_.h, t.y) * ceil_div(dy_.w, t.x);
    const std::int64_t streamed = b.x_stage + b.dy_stage + kInstructionPrice * (4 + t.in_blocks + 2 * t.out_blocks);
    return weight_tiles * (parts * (streamed + (split(t) ? 2 * b.spill : 0)) + b.gradient);
  }

  void search() {
    std::int64_t best = std::numeric_limits<std::int64_t>::max();
    const auto consider = [&](const Tiling& t) {
      const Buffers b = buffers(t);
      if (b.total() > low_.capacity()) return;
      const std::int64_t price = cost(t, b);
      if (price < best) {
        best = price;
        t_ = t;
      }
    };
    for (std::int64_t ob : halvings(layout_.out_blocks)) {
      for (std::int64_t ib : halvings(layout_.in_blocks)) {
        for (std::int64_t ky : halvings(kernel_y_.kernel)) {
          for (std::int64_t kx : halvings(kernel_x_.kernel)) {
            if (kx != kernel_x_.kernel && ky != 1) continue;
            for_parts([&](std::int64_t bg, std::int64_t y, std::int64_t x) { consider({ob, ib, ky, kx, bg, y, x}); });
          }
        }
      }
    }
    if (best == std::numeric_limits<std::int64_t>::max()) {
      throw InputError("/chip/scratchpad_kib", std::to_string(low_.capacity()) + " lines",
                       "at least " + std::to_string(buffers(Tiling{}).total()) +
                           " lines for the smallest tile of the weight gradient of " + layer().name);
    }
  }

  // Parts of the reduction that keep its order: whole batch groups, or rows of one, or pixels of one row.
  template <class Visit>
  void for_parts(Visit&& visit) const {
    for (std::int64_t bg : halvings(dy_.batch_groups)) visit(bg, dy_.h, dy_.w);
    for (std::int64_t y : halvings(dy_.h)) visit(1, y, dy_.w);
    for (std::int64_t x : halvings(dy_.w)) visit(1, 1, x);
  }

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
      load_gradient(ob, parts_[p]);
      const bool any = load_input(ib, ky, kx, parts_[p]);
      if (with_bias) accumulate_bias(ob, p);
      if (any) {
        for (const TapClass& cy : taps(kernel_y_, ky, parts_[p].y)) {
          for (const TapClass& cx : taps(kernel_x_, kx, parts_[p].x)) accumulate(ob, ib, ky, kx, cy, cx, p, which);
        }
      }
    }
    zero_unmet(ob, ib, ky, kx, which);
    store(ob, ib, ky, kx, which);
    if (with_bias) store_bias(ob);
  }

  static std::vector<TapClass> taps(const Axis& a, const Range& k, const Range& outs) {
    std::vector<TapClass> met;
    for (const TapClass& c : tap_classes(a, k.begin, k.end, outs.begin, outs.end)) {
      if (c.outs > 0) met.push_back(c);
    }
    return met;
  }

  // Input indices that the taps meet on one axis.
  static Range inputs(const Axis& a, const std::vector<TapClass>& classes) {
    Range r{std::numeric_limits<std::int64_t>::max(), std::numeric_limits<std::int64_t>::min()};
    for (const TapClass& c : classes) {
      r.begin = std::min(r.begin, c.out * a.stride + c.tap - a.pad);
      r.end = std::max(r.end, (c.out + c.outs - 1) * a.stride + c.tap + c.taps - 1 - a.pad + 1);
    }
    return r;
  }

  // dy of the part as lines [block][bg][y][x][image lines]
  void load_gradient(const Range& ob, const Part& p) {
    const int which = dy_count_++ % 2;
    dy_now_ = dy_line_[which];
    Image dy = dy_;
    dy.base_row += out_.origin;
    const Range channels{ob.begin * lanes_, std::min(ob.end * lanes_, align_channels(out_.end()))};
    Tile stage = make_tile(p.y, p.x, p.bg, channels, dy.format);
    stage.base_row = dy_stage_[which] * rows_per_line(dy.format);
    low_.load(dy, stage);
    stage = widened(stage, dy.slot, dy_wide_[which]);
    transpose(stage, ob, out_.end(), dy_now_);
  }

  Tile widened(const Tile& tile, int slot, std::int64_t line) {
    if (tile.format == format_) return tile;
    Tile wide = tile;
    wide.format = format_;
    wide.base_row = line * per_line_;
    low_.widen(tile.base_row, tile.format, wide.base_row, format_, slot, tile.rows());
    return wide;
  }

  bool load_input(const Range& ib, const Range& ky, const Range& kx, const Part& p) {
    const std::vector<TapClass> ys = taps(kernel_y_, ky, p.y), xs = taps(kernel_x_, kx, p.x);
    if (ys.empty() || xs.empty()) return false;
    const int which = x_count_++ % 2;
    x_now_ = x_line_[which];
    x_y_ = inputs(kernel_y_, ys);
    x_x_ = inputs(kernel_x_, xs);
    const Range channels{ib.begin * lanes_, std::min(ib.end * lanes_, align_channels(in_.end()))};
    Tile tile;
    if (weight_.gathered) {
      tile = make_tile(x_y_, x_x_, p.bg, channels, format_);
      tile.base_row = x_wide_[which] * per_line_;
      gather(low_, x_, axes_, tile, x_stage_[which]);
    } else {
      Image x = x_;
      x.base_row += in_.origin;
      tile = make_tile(x_y_, x_x_, p.bg, channels, x.format);
      tile.base_row = x_stage_[which] * rows_per_line(x.format);
      low_.load(x, tile);
      tile = widened(tile, x.slot, x_wide_[which]);
    }
    transpose(tile, ib, in_.end(), x_now_);
    return true;
  }

  // Blocks of L images by L channels to lines [block][bg][y][x][image lines]; what lies beyond the images
  // and channels that exist becomes zero.
  void transpose(const Tile& tile, const Range& blocks, std::int64_t channels_end, std::int64_t line) {
    const Image& shape = dy_;
    const std::int64_t x_rows = lanes_, y_rows = tile.x.size() * lanes_, bg_rows = tile.y.size() * y_rows;
    const std::int64_t block_rows = tile.bg.size() * bg_rows;
    for (std::int64_t b = blocks.begin; b < blocks.end; ++b) {
      for (const BatchRun& run : batch_runs(shape, tile.bg)) {
        isa::Transpose t;
        t.element = tile.format;
        t.src_rows = static_cast<std::uint8_t>(std::min(lanes_, channels_end - b * lanes_));
        t.src_lanes = static_cast<std::uint8_t>(run.images);
        t.dst_rows = static_cast<std::uint8_t>(lanes_);
        t.src = at(tile.row(tile.y.begin, tile.x.begin, run.bg.begin, b * lanes_));
        t.dst = at(line * per_line_ + (b - blocks.begin) * block_rows + (run.bg.begin - tile.bg.begin) * bg_rows);
        Nest()
            .loop(run.bg.size(), {tile.bg_stride(), bg_rows, 0, 0, 0})
            .loop(tile.y.size(), {tile.y_stride(), y_rows, 0, 0, 0})
            .loop(tile.x.size(), {tile.x_stride(), x_rows, 0, 0, 0})
            .finish(t);
        low_.emit(t);
      }
    }
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
          accumulate(ob, ib, ky, kx, {cy.tap + i, 1, cy.out, cy.outs}, {cx.tap + j, 1, cx.out, cx.outs}, p, which);
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
        while (end < ib.end && block_lanes(end).begin == lanes.begin && block_lanes(end).end == lanes.end) ++end;
        multiply({o - ob.begin, o}, {i, end}, ob, ib, ky, kx, cy, cx, p, which, first, last);
        i = end;
      }
    }
  }

  Range block_lanes(std::int64_t in_block) const {
    return {std::max<std::int64_t>(0, in_.offset - in_block * lanes_), std::min(lanes_, in_.end() - in_block * lanes_)};
  }

  void multiply(const Range& o, const Range& blocks, const Range& ob, const Range& ib, const Range& ky,
                const Range& kx, const TapClass& cy, const TapClass& cx, std::size_t p, int which, bool first,
                bool last) {
    const std::int64_t out_block = o.end;
    const std::int64_t row_first = std::max<std::int64_t>(0, out_.offset - out_block * lanes_);
    const std::int64_t row_end = std::min(lanes_, out_.end() - out_block * lanes_);
    const Range lanes = block_lanes(blocks.begin);
    if (row_end <= row_first || lanes.size() <= 0) return;
    const Part& part = parts_[p];
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
    const std::int64_t ax = k, ay = part.x.size() * k, abg = part.y.size() * ay, ablock = part.bg.size() * abg;
    const std::int64_t bx = k, by = x_x_.size() * k, bbg = x_y_.size() * by, bblock = part.bg.size() * bbg;
    t.a = at(dy_now_ + o.begin * ablock + (cy.out - part.y.begin) * ay + (cx.out - part.x.begin) * ax);
    const std::int64_t iy = cy.out * kernel_y_.stride + cy.tap - kernel_y_.pad - x_y_.begin;
    const std::int64_t ix = cx.out * kernel_x_.stride + cx.tap - kernel_x_.pad - x_x_.begin;
    t.b = at(x_now_ + (blocks.begin - ib.begin) * bblock + iy * by + ix * bx);
    // gradient tile: rows [in block][ky][kx][out rows]; spilled tiles [out block][in block][ky][kx]
    const std::int64_t pitch = tile_pitch(ob), taps = ky.size() * kx.size(), spill = spill_lines();
    const std::int64_t tap = (cy.tap - ky.begin) * kx.size() + cx.tap - kx.begin;
    const std::int64_t local_in = blocks.begin - ib.begin;
    t.o = at(gradient_line_[which] * rows_per_line(weight_.format) + (local_in * taps + tap) * pitch + o.begin * lanes_);
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
    const Part& part = parts_[p];
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
      t.b = at(dy_now_ + (o - ob.begin) * pixels * k);
      t.o = at(bias_line_ * rows_per_line(bias_->format) + o - ob.begin);
      const std::int64_t oc0 = group_ * (weight_.shape[0] / weight_.groups) - out_.offset + o * lanes_;
      t.x.base = static_cast<std::uint32_t>(oc0);
      t.x.lane_stride = 1;
      const std::int64_t spilled = spill_line_ + (t_.in_blocks * t_.out_blocks * t_.ky * t_.kx + o - ob.begin) * spill_lines();
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
          v.o = at(gradient_line_[which] * rows_per_line(weight_.format) +
                   ((i - ib.begin) * ky.size() * kx.size() + tap) * tile_pitch(ob) + rows.begin - ob.begin * lanes_);
          Nest().loop(rows.size(), {0, 0, 0, 1, 0}).finish(v);
          low_.emit(v);
        }
      }
    }
  }

  void store(const Range& ob, const Range& ib, const Range& ky, const Range& kx, int which) {
    const std::int64_t pitch = tile_pitch(ob), taps = ky.size() * kx.size();
    const std::int64_t row = low_.base_row(weight_) + group_ * layout_.group_rows() +
                             (ib.begin * layout_.taps + ky.begin * kernel_x_.kernel + kx.begin) * layout_.out_pitch +
                             ob.begin * lanes_;
    low_.copy(weight_.format, Space::kScratchpad, gradient_line_[which] * rows_per_line(weight_.format), Space::kHbm, row,
              {{ib.size(), taps * pitch, layout_.taps * layout_.out_pitch},
               {ky.size(), kx.size() * pitch, kernel_x_.kernel * layout_.out_pitch},
               {kx.size(), pitch, layout_.out_pitch},
               {pitch, 1, 1}});
  }

  void store_bias(const Range& ob) {
    low_.copy(bias_->format, Space::kScratchpad, bias_line_ * rows_per_line(bias_->format), Space::kHbm,
              low_.base_row(*bias_) + group_ * layout_.out_blocks + ob.begin, {{ob.size(), 1, 1}});
  }

  Lowering& low_;
  const Op& op_;
  std::int64_t lanes_;
  Image x_, dy_;
  const TensorInfo& weight_;
  const TensorInfo* bias_;
  WeightLayout layout_;
  Axes axes_;
  isa::Format format_;
  std::int64_t per_line_;
  Axis kernel_y_, kernel_x_;
  Tiling t_;
  std::vector<Part> parts_;
  std::int64_t group_ = 0;
  ChannelWindow in_, out_;
  std::int64_t ones_line_ = 0, spill_line_ = 0, bias_line_ = 0, dy_now_ = 0, x_now_ = 0;
  Range x_y_, x_x_;
  std::int64_t x_stage_[2]{}, x_wide_[2]{}, x_line_[2]{}, dy_stage_[2]{}, dy_wide_[2]{}, dy_line_[2]{}, gradient_line_[2]{};
  int tile_ = 0, x_count_ = 0, dy_count_ = 0;
};

}  // namespace

void lower_convolution_backward_weight(Lowering& low, const Op& op) { WeightGradient(low, op).run(); }

}  // namespace anzan::compiler
