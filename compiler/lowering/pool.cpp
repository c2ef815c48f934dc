// Max and average pooling and their gradients on the vector unit. All four fold over the taps of window
// classes: forward over the input pixels of a window, backward over the windows that hold a pixel.
#include "compiler/lowering/pool.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>

#include "compiler/lowering/tap_packing.hpp"
#include "compiler/lowering/windows.hpp"
#include "models/number_format.hpp"

namespace anzan::compiler {
namespace {

class Pool {
 public:
  Pool(Lowering& low, const Op& op, bool training)
      : low_(low),
        op_(op),
        layer_(low.graph().layer(op)),
        source_(low.image(op.inputs[0])),
        target_(low.image(op.outputs[0])),
        numbers_(tap_numbers(layer_, target_.c)),
        packing_(low, numbers_) {
    backward_ = op.kind == OpKind::kMaxPoolBackward || op.kind == OpKind::kAveragePoolBackward;
    max_ = op.kind == OpKind::kMaxPool || op.kind == OpKind::kMaxPoolBackward;
    keeps_ = max_ && (backward_ || training);
    if (keeps_) index_ = low.image(backward_ ? op.inputs[1] : op.outputs[1]);
    const Image& input = backward_ ? target_ : source_;
    const Image& output = backward_ ? source_ : target_;
    windows_ = {axis(layer_.y, input.h, output.h), axis(layer_.x, input.w, output.w)};
    axes_ = windows_;
    axes_.y.transposed = axes_.x.transposed = backward_;
    counted_ = counted_everywhere(windows_.y) * counted_everywhere(windows_.x);
    uneven_ = !max_ && backward_ && counted_ == 0;
  }

  void run() {
    search();
    low_.take_scratchpad(total_lines(t_));
    low_.note(fmt::format("{} {}: batch groups {}, channels {}, y {}, x {}", name(op_.kind), layer_.name,
                          t_.bg, t_.c, t_.y, t_.x));
    if (keeps_) {
      countdown_line_ = low_.allocate(low_.countdown_lines());
      low_.load_countdown(countdown_line_);
    }
    numbers_line_ = low_.allocate(numbers_lines(t_));
    // the sources last: where they lie over the operation before, they have to wait for it anyway
    for (int i = 0; i < 2; ++i) {
      index_line_[i] = low_.allocate(index_lines(t_));
      shares_line_[i] = low_.allocate(shares_lines(t_));
      target_line_[i] = low_.allocate(target_lines(t_));
      source_line_[i] = low_.allocate(source_lines(t_));
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

  Axis axis(const WindowAxis& w, std::int64_t input, std::int64_t output) const {
    const Range within = layer_.count_include_pad ? Range{-w.pad, input + w.pad_end} : Range{0, input};
    return {w.kernel, w.stride, w.pad, input, output, false, w.dilation, within};
  }
  // Of how many taps averages are on this axis; 0 where windows differ.
  static std::int64_t counted_everywhere(const Axis& a) {
    const std::vector<WindowClass> all = a.classes(0, a.positions());
    const std::int64_t counted = all.front().counted;
    return std::all_of(all.begin(), all.end(), [&](const WindowClass& c) { return c.counted == counted; })
               ? counted
               : 0;
  }

  std::int64_t source_pixels(const Tiling& t) const {
    return t.bg * axes_.y.extent(t.y, axes_.y.kernel) * axes_.x.extent(t.x, axes_.x.kernel);
  }
  std::int64_t target_pixels(const Tiling& t) const { return t.bg * t.y * t.x; }
  std::int64_t source_lines(const Tiling& t) const {
    return models::lines_of_rows(source_.format, source_pixels(t) * t.c);
  }
  std::int64_t target_lines(const Tiling& t) const {
    return models::lines_of_rows(target_.format, target_pixels(t) * t.c);
  }
  // Of the output's pixels.
  std::int64_t kept_lines(const Tiling& t, std::int64_t channels) const {
    return models::lines_of_rows(index_.format, (backward_ ? source_pixels(t) : target_pixels(t)) * channels);
  }
  std::int64_t index_lines(const Tiling& t) const {
    return keeps_ ? kept_lines(t, packing_.packed({0, t.c}).size()) : 0;
  }
  // One tile of them is enough: the vector unit alone meets it.
  std::int64_t numbers_lines(const Tiling& t) const { return packs() ? kept_lines(t, t.c) : 0; }
  bool packs() const { return keeps_ && numbers_.together > 1; }

  std::int64_t shares_lines(const Tiling& t) const {
    return uneven_ ? models::lines_of_rows(isa::Format::kFp32, source_pixels(t) * t.c) : 0;
  }

  std::int64_t total_lines(const Tiling& t) const {
    return (keeps_ ? low_.countdown_lines() : 0) + numbers_lines(t) +
           2 * (source_lines(t) + target_lines(t) + index_lines(t) + shares_lines(t));
  }

  void search() {
    std::int64_t best = std::numeric_limits<std::int64_t>::max();
    std::int64_t least = best;
    const std::int64_t block = packs() ? numbers_.alignment() : kChannelAlignment;
    for (std::int64_t bg : doublings(target_.batch_groups)) {
      for (std::int64_t blocks : halvings(ceil_div(target_.c, block))) {
        for (std::int64_t y : halvings(target_.h)) {
          for (std::int64_t x : halvings(target_.w)) {
            if (x != target_.w && y != 1) continue;
            const Tiling t{bg, std::min(blocks * block, align_channels(target_.c)), y, x};
            // channels last: they are neighbours in HBM
            if (t.c < target_.c && (y != 1 || bg != 1)) continue;
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
    if (best == std::numeric_limits<std::int64_t>::max())
      throw low_.too_small(least,
                           std::string("the smallest tile of ") + name(op_.kind) + " in " + layer_.name);
  }

  void tile(const Range& bg, const Range& c, const Range& y, const Range& x) {
    const std::vector<WindowClass> ys = axes_.y.classes(y.begin, y.end), xs = axes_.x.classes(x.begin, x.end);
    const int which = tile_++ % 2;
    const Range sy = source_range(ys), sx = source_range(xs);
    const auto source_tile = [&](const Image& image, std::int64_t line) {
      return placed(make_tile(sy, sx, bg, c, image.format), line);
    };
    const auto target_tile = [&](const Image& image, std::int64_t line) {
      return placed(make_tile(y, x, bg, c, image.format), line);
    };
    Tiles tiles;
    tiles.source = load(source_, source_tile(source_, source_line_[which]));
    tiles.target = target_tile(target_, target_line_[which]);
    if (keeps_) {
      const Range py = backward_ ? sy : y, px = backward_ ? sx : x;
      tiles.index = placed(make_tile(py, px, bg, packing_.packed(c), index_.format), index_line_[which]);
      tiles.numbers = packs() ? placed(make_tile(py, px, bg, c, index_.format), numbers_line_) : tiles.index;
      if (backward_) load(index_, tiles.index);
      if (backward_ && packs()) packing_.unpack(tiles.index, tiles.numbers);
    }
    if (uneven_) {
      tiles.shares = placed(make_tile(sy, sx, bg, c, isa::Format::kFp32), shares_line_[which]);
      share_out(tiles);
    }
    for (const WindowClass& cy : ys) {
      for (const WindowClass& cx : xs) {
        for (const BatchRun& run : batch_runs(target_, bg)) pool({cy, cx, run}, tiles);
      }
    }
    const Range channels{c.begin, std::min(c.end, target_.c)};
    low_.store(target_, tiles.target, channels);
    if (!keeps_ || backward_) return;
    if (packs()) packing_.pack(tiles.numbers, tiles.index, channels.size());
    low_.store(index_, tiles.index, {tiles.index.c.begin, std::min(tiles.index.c.end, index_.c)});
  }

  // An empty tile, of windows that meet only padding, is not loaded.
  const Tile& load(const Image& image, const Tile& t) {
    if (t.y.size() > 0 && t.x.size() > 0) low_.load(image, t);
    return t;
  }

  struct Tiles {
    Tile source, target;
    Tile index, numbers;  // of taps, as they are kept and one by one
    Tile shares;  // of the source, each divided by the number of its window's taps; where these are uneven
  };
  // What one instruction works on: positions of one class on each axis, of batch groups with as many images.
  struct Piece {
    const WindowClass &y, &x;
    const BatchRun& run;
    std::int64_t source_row(const Tile& t) const { return t.row(y.src, x.src, run.bg.begin, t.c.begin); }
    std::int64_t target_row(const Tile& t) const { return t.row(y.pos, x.pos, run.bg.begin, t.c.begin); }
  };

  void pool(const Piece& p, const Tiles& tiles) {
    if (p.y.taps == 0 || p.x.taps == 0) {
      zero(p, tiles);
    } else if (max_ && !backward_) {
      fold_max(p, tiles);
      if (keeps_) fold_index(p, tiles);
    } else if (max_) {
      fold_selected(p, tiles);
    } else {
      fold_average(p, tiles);
    }
  }

  // the tap's number: the first tap has the largest
  isa::Operand number_of_tap(const Piece& p) const {
    const std::int64_t tap = p.y.tap * layer_.x.kernel + p.x.tap;
    return broadcast(low_.countdown_at(countdown_line_, layer_.y.kernel * layer_.x.kernel - 1 - tap));
  }

  // How an operand walks: the source of the window, or the positions of a tile, or by the taps alone.
  struct Stream {
    const Tile* tile = nullptr;
    bool windowed = false;
    std::int64_t tap_y = 0, tap_x = 0;
  };
  static Stream window_of(const Tile& tile) { return {&tile, true}; }
  static Stream positions_of(const Tile& tile) { return {&tile, false}; }
  Stream taps_of(const Piece& p) const {
    return {nullptr, false, p.y.tap_step * layer_.x.kernel, p.x.tap_step};
  }
  struct Streams {
    Stream a{}, b{}, c{};
  };

  // One stride for each loop.
  struct Loops {
    Nest::Strides bg, y, x, c, ky, kx;
    void set(std::int64_t Nest::Strides::*stream, const Stream& s, const Piece& p) {
      ky.*stream = s.tap_y;
      kx.*stream = s.tap_x;
      if (s.tile == nullptr) return;
      bg.*stream = s.tile->bg_stride();
      c.*stream = 1;
      y.*stream = (s.windowed ? p.y.src_per_pos : p.y.pos_step) * s.tile->y_stride();
      x.*stream = (s.windowed ? p.x.src_per_pos : p.x.pos_step) * s.tile->x_stride();
      if (!s.windowed) return;
      ky.*stream = p.y.src_per_tap * s.tile->y_stride();
      kx.*stream = p.x.src_per_tap * s.tile->x_stride();
    }
  };

  // Loops (y, x, bg, c) and folds (ky, kx) for operands and output, then the instruction is complete.
  void emit(isa::Vector v, const Piece& p, const Streams& streams, const Tile& out) {
    Loops l;
    l.set(&Nest::Strides::a, streams.a, p);
    l.set(&Nest::Strides::b, streams.b, p);
    l.set(&Nest::Strides::c, streams.c, p);
    l.set(&Nest::Strides::o, positions_of(out), p);
    l.bg.x = target_.lanes * target_.image_size();
    l.y.x = p.y.pos_step * target_.w;
    l.x.x = p.x.pos_step;
    l.c.x = target_.h * target_.w;
    v.mask = lane_mask(0, p.run.images);
    v.o = at(p.target_row(out));
    v.x = indices(target_.index(p.y.pos, p.x.pos, p.run.bg.begin, out.c.begin), target_.image_size());
    const std::int64_t channels = std::min(out.c.end, target_.c) - out.c.begin;
    Nest nest;
    nest.loop(p.y.count, l.y).loop(p.x.count, l.x).loop(p.run.bg.size(), l.bg).loop(channels, l.c);
    if (v.reduction != isa::Reduction::kNone) nest.fold(p.y.taps, l.ky).fold(p.x.taps, l.kx);
    low_.emit(v, nest);
  }

  static isa::Vector start(isa::VectorOp op, isa::Reduction reduction) {
    isa::Vector v;
    v.op = op;
    v.reduction = reduction;
    return v;
  }

  // A selection of values that have been counted.
  void fold_max(const Piece& p, const Tiles& t) {
    isa::Vector v = start(isa::VectorOp::kCopy, isa::Reduction::kMax);
    writes_to(v, target_);
    v.a = rows(source_, p.source_row(t.source));
    emit(v, p, {window_of(t.source)}, t.target);
  }

  void fold_index(const Piece& p, const Tiles& t) {
    isa::Vector v = start(isa::VectorOp::kSelectEq, isa::Reduction::kMax);
    writes_to(v, index_);
    v.a = rows(source_, p.source_row(t.source));
    v.b = rows(target_, p.target_row(t.target));
    v.c = number_of_tap(p);
    emit(v, p, {window_of(t.source), positions_of(t.target), taps_of(p)}, t.numbers);
  }

  // Gradients of the windows that have chosen this pixel.
  void fold_selected(const Piece& p, const Tiles& t) {
    isa::Vector v = start(isa::VectorOp::kSelectEq, isa::Reduction::kAdd);
    low_.produces(v, target_);
    v.a = rows(index_, p.source_row(t.numbers));
    v.b = number_of_tap(p);
    v.c = rows(source_, p.source_row(t.source));
    emit(v, p, {window_of(t.numbers), taps_of(p), window_of(t.source)}, t.target);
  }

  isa::Operand share(std::int64_t counted) const {
    return scalar(low_.scalar(static_cast<float>(1.0 / static_cast<double>(counted))));
  }

  void fold_average(const Piece& p, const Tiles& t) {
    isa::Vector v = start(isa::VectorOp::kMul, isa::Reduction::kAdd);
    low_.produces(v, target_);
    if (uneven_) {
      v.op = isa::VectorOp::kCopy;
      v.a = rows(isa::Format::kFp32, kConstantSlot, p.source_row(t.shares));
      return emit(v, p, {window_of(t.shares)}, t.target);
    }
    v.a = rows(source_, p.source_row(t.source));
    v.b = share(backward_ ? counted_ : p.y.counted * p.x.counted);
    emit(v, p, {window_of(t.source)}, t.target);
  }

  // Gradients of windows with as many taps, class by class.
  void share_out(const Tiles& t) {
    if (t.source.y.size() <= 0 || t.source.x.size() <= 0) return;
    for (const WindowClass& y : windows_.y.classes(t.source.y.begin, t.source.y.end)) {
      for (const WindowClass& x : windows_.x.classes(t.source.x.begin, t.source.x.end)) {
        for (const BatchRun& run : batch_runs(target_, t.source.bg)) share_out({y, x, run}, t);
      }
    }
  }

  void share_out(const Piece& p, const Tiles& t) {
    isa::Vector v = start(isa::VectorOp::kMul, isa::Reduction::kNone);
    writes_to(v, isa::Format::kFp32, kConstantSlot);
    v.mask = lane_mask(0, p.run.images);
    v.a = rows(source_, p.target_row(t.source));
    v.b = share(p.y.counted * p.x.counted);
    v.o = at(p.target_row(t.shares));
    const auto strides = [](std::int64_t from, std::int64_t to) { return Nest::Strides{from, 0, 0, to, 0}; };
    low_.emit(v, Nest()
                     .loop(p.y.count, strides(t.source.y_stride(), t.shares.y_stride()))
                     .loop(p.x.count, strides(t.source.x_stride(), t.shares.x_stride()))
                     .loop(p.run.bg.size(), strides(t.source.bg_stride(), t.shares.bg_stride()))
                     .loop(t.shares.c.size(), strides(1, 1)));
  }

  void zero(const Piece& p, const Tiles& t) {
    isa::Vector v = start(isa::VectorOp::kCopy, isa::Reduction::kNone);
    low_.produces(v, target_);
    v.a = scalar(low_.scalar(0.0f));
    emit(v, p, {}, t.target);
  }

  Lowering& low_;
  const Op& op_;
  const Layer& layer_;
  Image source_, target_, index_;
  TapNumbers numbers_;
  TapPacking packing_;
  bool backward_ = false, max_ = false;
  bool keeps_ = false;        // which tap had the largest value, or uses it
  Axes windows_, axes_;       // forward, and in the direction of the operation
  std::int64_t counted_ = 0;  // taps that an average is of; 0 where windows differ
  bool uneven_ = false;       // gradients of averages whose numbers of taps differ
  Tiling t_;
  std::int64_t countdown_line_ = 0, numbers_line_ = 0;
  std::int64_t source_line_[2]{}, target_line_[2]{}, index_line_[2]{}, shares_line_[2]{};
  int tile_ = 0;
};

}  // namespace

void lower_pool(Lowering& low, const Op& op, bool training) { Pool(low, op, training).run(); }

}  // namespace anzan::compiler
