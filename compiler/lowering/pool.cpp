// Max and average pooling and their gradients on the vector unit. All four fold over the taps of window
// classes: forward over the input pixels of a window, backward over the windows that hold a pixel.
#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "compiler/input/input_error.hpp"
#include "compiler/lowering/lowering.hpp"
#include "compiler/lowering/windows.hpp"
#include "models/number_format.hpp"

namespace anzan::compiler {
namespace {

class Pool {
 public:
  Pool(Lowering& low, const Op& op)
      : low_(low),
        op_(op),
        layer_(low.graph().network.layers[static_cast<std::size_t>(op.layer)]),
        source_(low.image(op.inputs[0])),
        target_(low.image(op.outputs[0])) {
    backward_ = op.kind == OpKind::kMaxPoolBackward || op.kind == OpKind::kAveragePoolBackward;
    max_ = op.kind == OpKind::kMaxPool || op.kind == OpKind::kMaxPoolBackward;
    if (max_) index_ = low.image(backward_ ? op.inputs[1] : op.outputs[1]);
    const Image& input = backward_ ? target_ : source_;
    const Image& output = backward_ ? source_ : target_;
    axes_.y = {layer_.kernel_h, layer_.stride_h, layer_.pad_h, input.h, output.h, backward_};
    axes_.x = {layer_.kernel_w, layer_.stride_w, layer_.pad_w, input.w, output.w, backward_};
  }

  void run() {
    search();
    low_.take_scratchpad(total_lines(t_));
    low_.note(fmt::format("{} {}: batch groups {}, channels {}, y {}, x {}", name(op_.kind), layer_.name,
                          t_.bg, t_.c, t_.y, t_.x));
    if (max_) {
      const std::int64_t lines = constant_lines();
      constants_line_ = low_.allocate(lines);
      const Constants& k = low_.constants();
      low_.copy(isa::Format::kFp32, isa::Space::kHbm, k.countdown_line, isa::Space::kScratchpad,
                constants_line_, {{constant_lines(), 1, 1}});
    }
    for (int i = 0; i < 2; ++i) {
      source_line_[i] = low_.allocate(source_lines(t_));
      target_line_[i] = low_.allocate(target_lines(t_));
      index_line_[i] = low_.allocate(index_lines(t_));
    }
    for (const Range& bg : pieces(target_.batch_groups, t_.bg)) {
      for (const Range& c : pieces(align_channels(target_.c), t_.c)) {
        for (const Range& y : pieces(target_.h, t_.y)) {
          for (const Range& x : pieces(target_.w, t_.x)) tile(bg, c, y, x);
        }
      }
    }
  }

 private:
  struct Tiling {
    std::int64_t bg = 1, c = kChannelAlignment, y = 1, x = 1;
  };

  std::int64_t taps() const { return layer_.kernel_h * layer_.kernel_w; }
  std::int64_t constant_lines() const { return ceil_div(low_.constants().countdown, low_.lanes()); }

  static std::int64_t extent(const Axis& a, std::int64_t positions) {
    const std::int64_t e = a.transposed ? ceil_div(positions + a.kernel - 1, a.stride) + 1
                                        : (positions - 1) * a.stride + a.kernel;
    return std::min(e, a.sources());
  }
  std::int64_t source_pixels(const Tiling& t) const {
    return t.bg * extent(axes_.y, t.y) * extent(axes_.x, t.x) * t.c;
  }
  std::int64_t source_lines(const Tiling& t) const {
    return ceil_div(source_pixels(t), models::elements_per_word(source_.format));
  }
  std::int64_t target_lines(const Tiling& t) const {
    return ceil_div(t.bg * t.y * t.x * t.c, models::elements_per_word(target_.format));
  }
  std::int64_t index_lines(const Tiling& t) const {
    if (!max_) return 0;
    return ceil_div(backward_ ? source_pixels(t) : t.bg * t.y * t.x * t.c,
                    models::elements_per_word(index_.format));
  }

  std::int64_t total_lines(const Tiling& t) const {
    return (max_ ? constant_lines() : 0) + 2 * (source_lines(t) + target_lines(t) + index_lines(t));
  }

  void search() {
    std::int64_t best = std::numeric_limits<std::int64_t>::max();
    std::int64_t least = best;
    for (std::int64_t bg : doublings(target_.batch_groups)) {
      for (std::int64_t blocks : halvings(align_channels(target_.c) / kChannelAlignment)) {
        for (std::int64_t y : halvings(target_.h)) {
          for (std::int64_t x : halvings(target_.w)) {
            if (x != target_.w && y != 1) continue;
            // channels last: they are neighbours in HBM
            if (blocks * kChannelAlignment < target_.c && (y != 1 || bg != 1)) continue;
            const Tiling t{bg, blocks * kChannelAlignment, y, x};
            const std::int64_t lines = total_lines(t);
            least = std::min(least, lines);
            if (lines > low_.capacity()) continue;
            const std::int64_t tiles = ceil_div(target_.batch_groups, bg) * ceil_div(target_.h, y) *
                                       ceil_div(target_.w, x) * ceil_div(align_channels(target_.c), t.c);
            const std::int64_t price = tiles * (source_lines(t) + index_lines(t) + 100) + source_lines(t) +
                                       low_.room().crowding(lines);
            if (price < best) {
              best = price;
              t_ = t;
            }
          }
        }
      }
    }
    if (best == std::numeric_limits<std::int64_t>::max()) {
      throw InputError(
          "/chip/scratchpad_kib", std::to_string(low_.capacity()) + " lines",
          "at least " + std::to_string(least) + " lines for the smallest tile of " + layer_.name);
    }
  }

  Tile load(const Image& image, const Range& y, const Range& x, const Range& bg, const Range& c,
            std::int64_t line) {
    Tile t = make_tile(y, x, bg, c, image.format);
    t.base_row = line * models::elements_per_word(image.format);
    if (y.size() > 0 && x.size() > 0) low_.load(image, t);
    return t;
  }

  void tile(const Range& bg, const Range& c, const Range& y, const Range& x) {
    const std::vector<WindowClass> ys = axes_.y.classes(y.begin, y.end), xs = axes_.x.classes(x.begin, x.end);
    const int which = tile_++ % 2;
    const Range sy = source_range(ys), sx = source_range(xs);
    const Tile source = load(source_, sy, sx, bg, c, source_line_[which]);
    Tile target = make_tile(y, x, bg, c, target_.format);
    target.base_row = target_line_[which] * models::elements_per_word(target.format);
    Tile index;
    if (max_ && backward_) {
      index = load(index_, sy, sx, bg, c, index_line_[which]);
    } else if (max_) {
      index = make_tile(y, x, bg, c, index_.format);
      index.base_row = index_line_[which] * models::elements_per_word(index.format);
    }
    for (const WindowClass& cy : ys) {
      for (const WindowClass& cx : xs) {
        for (const BatchRun& run : batch_runs(target_, bg)) {
          if (cy.taps == 0 || cx.taps == 0) {
            zero(cy, cx, run, target);
          } else if (max_ && !backward_) {
            fold_max(cy, cx, run, source, target);
            fold_index(cy, cx, run, source, target, index);
          } else {
            fold_sum(cy, cx, run, source, index, target);
          }
        }
      }
    }
    const std::int64_t end = std::min(c.end, target_.c);
    low_.store(target_, target, c.begin, end);
    if (max_ && !backward_) low_.store(index_, index, c.begin, end);
  }

  isa::Vector start(isa::VectorOp op, isa::Reduction reduction, const BatchRun& run, const Image& out) const {
    isa::Vector v;
    v.op = op;
    v.reduction = reduction;
    v.mask = lane_mask(0, run.images);
    v.out_format = out.format;
    v.slot_o = static_cast<std::uint16_t>(out.slot);
    return v;
  }

  static isa::Operand rows(const Image& image, std::int64_t row) {
    isa::Operand o;
    o.kind = isa::OperandKind::kRows;
    o.format = image.format;
    o.slot = static_cast<std::uint16_t>(image.slot);
    o.at = at(row);
    return o;
  }

  // countdown of the tap: taps - (ky kernel_w + kx), so that the first tap has the largest
  isa::Operand tap_constant(const WindowClass& cy, const WindowClass& cx) const {
    isa::Operand o;
    o.kind = isa::OperandKind::kBroadcast;
    o.format = isa::Format::kFp32;
    o.at = at(constants_line_ * low_.lanes() + low_.constants().countdown - taps() +
              cy.tap * layer_.kernel_w + cx.tap);
    return o;
  }
  std::int64_t tap_y(const WindowClass& cy) const { return cy.tap_step * layer_.kernel_w; }

  struct Stream {
    const Tile* tile = nullptr;  // null: not walked
    bool windowed = false;       // walks the source of the window, otherwise the positions
    std::int64_t tap_y = 0, tap_x = 0;
  };

  // Loops (bg, y, x, c) and folds (ky, kx) for operands a, b, c and the output.
  void finish(isa::Vector& v, const WindowClass& cy, const WindowClass& cx, const BatchRun& run,
              const Tile& out, const std::array<Stream, 3>& operands) {
    Nest::Strides bg{}, y{}, x{}, c{}, ky{}, kx{};
    for (std::size_t s = 0; s < 3; ++s) {
      const Stream& stream = operands[s];
      ky[s] = stream.tap_y;
      kx[s] = stream.tap_x;
      if (stream.tile == nullptr) continue;
      const Tile& t = *stream.tile;
      bg[s] = t.bg_stride();
      c[s] = 1;
      y[s] = (stream.windowed ? cy.src_per_pos : cy.pos_step) * t.y_stride();
      x[s] = (stream.windowed ? cx.src_per_pos : cx.pos_step) * t.x_stride();
      if (stream.windowed) {
        ky[s] = cy.src_per_tap * t.y_stride();
        kx[s] = cx.src_per_tap * t.x_stride();
      }
    }
    const std::int64_t channels = std::min(out.c.end, target_.c) - out.c.begin;
    v.o = at(out.row(cy.pos, cx.pos, run.bg.begin, out.c.begin));
    v.x.base = static_cast<std::uint32_t>(target_.index(cy.pos, cx.pos, run.bg.begin, out.c.begin));
    v.x.lane_stride = static_cast<std::int32_t>(target_.image_size());
    bg[3] = out.bg_stride(), y[3] = cy.pos_step * out.y_stride(), x[3] = cx.pos_step * out.x_stride(),
    c[3] = 1;
    bg[4] = target_.lanes * target_.image_size(), y[4] = cy.pos_step * target_.w, x[4] = cx.pos_step;
    c[4] = target_.h * target_.w;
    Nest nest;
    nest.loop(cy.count, y).loop(cx.count, x).loop(run.bg.size(), bg).loop(channels, c);
    if (v.reduction != isa::Reduction::kNone) nest.fold(cy.taps, ky).fold(cx.taps, kx);
    nest.finish(v);
    // a window of one tap has no loop to fold: the fold's first element is its result
    if (v.reduce == 0) v.reduction = isa::Reduction::kNone;
    low_.emit(v);
  }

  void fold_max(const WindowClass& cy, const WindowClass& cx, const BatchRun& run, const Tile& in,
                const Tile& out) {
    isa::Vector v = start(isa::VectorOp::kCopy, isa::Reduction::kMax, run, target_);
    v.a = rows(source_, in.row(cy.src, cx.src, run.bg.begin, in.c.begin));
    finish(v, cy, cx, run, out, {Stream{&in, true, 0, 0}, {}, {}});
  }

  void fold_index(const WindowClass& cy, const WindowClass& cx, const BatchRun& run, const Tile& in,
                  const Tile& out, const Tile& index) {
    isa::Vector v = start(isa::VectorOp::kSelectEq, isa::Reduction::kMax, run, index_);
    v.a = rows(source_, in.row(cy.src, cx.src, run.bg.begin, in.c.begin));
    v.b = rows(target_, out.row(cy.pos, cx.pos, run.bg.begin, out.c.begin));
    v.c = tap_constant(cy, cx);
    finish(
        v, cy, cx, run, index,
        {Stream{&in, true, 0, 0}, Stream{&out, false, 0, 0}, Stream{nullptr, false, tap_y(cy), cx.tap_step}});
  }

  void fold_sum(const WindowClass& cy, const WindowClass& cx, const BatchRun& run, const Tile& in,
                const Tile& index, const Tile& out) {
    isa::Vector v =
        start(max_ ? isa::VectorOp::kSelectEq : isa::VectorOp::kMul, isa::Reduction::kAdd, run, target_);
    v.analyse = low_.analyses(target_.slot, target_.format) ? 1 : 0;
    const isa::Operand values = rows(source_, in.row(cy.src, cx.src, run.bg.begin, in.c.begin));
    if (!max_) {
      v.a = values;
      v.b.kind = isa::OperandKind::kScalar;
      v.b.format = isa::Format::kFp32;
      v.b.at = at(low_.scalar(static_cast<float>(1.0 / static_cast<double>(taps()))));
      return finish(v, cy, cx, run, out, {Stream{&in, true, 0, 0}, {}, {}});
    }
    v.a = rows(index_, index.row(cy.src, cx.src, run.bg.begin, in.c.begin));
    v.b = tap_constant(cy, cx);
    v.c = values;
    finish(v, cy, cx, run, out,
           {Stream{&index, true, 0, 0}, Stream{nullptr, false, tap_y(cy), cx.tap_step},
            Stream{&in, true, 0, 0}});
  }

  void zero(const WindowClass& cy, const WindowClass& cx, const BatchRun& run, const Tile& out) {
    isa::Vector v = start(isa::VectorOp::kCopy, isa::Reduction::kNone, run, target_);
    v.analyse = low_.analyses(target_.slot, target_.format) ? 1 : 0;
    v.a.kind = isa::OperandKind::kScalar;
    v.a.format = isa::Format::kFp32;
    v.a.at = at(low_.scalar(0.0f));
    finish(v, cy, cx, run, out, {});
  }

  Lowering& low_;
  const Op& op_;
  const Layer& layer_;
  Image source_, target_, index_;
  bool backward_ = false, max_ = false;
  Axes axes_;
  Tiling t_;
  std::int64_t constants_line_ = 0;
  std::int64_t source_line_[2]{}, target_line_[2]{}, index_line_[2]{};
  int tile_ = 0;
};

}  // namespace

void lower_pool(Lowering& low, const Op& op) { Pool(low, op).run(); }

}  // namespace anzan::compiler
