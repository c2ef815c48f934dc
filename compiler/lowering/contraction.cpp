// Tile by tile: bring the weights and the source, multiply class by class of positions, store the result.
#include "compiler/lowering/contraction.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "compiler/lowering/contraction_tiling.hpp"
#include "models/number_format.hpp"

namespace anzan::compiler {
namespace {

class ContractionLowering {
 public:
  ContractionLowering(Lowering& low, const Contraction& c, const ContractionTiling& t)
      : low_(low),
        c_(c),
        t_(t),
        lanes_(low.lanes()),
        chunks_(chunks(c, t, low.lanes())),
        per_line_(models::elements_per_word(c.format)) {
    const ContractionBuffers b = buffers(c, t, lanes_);
    low_.take_scratchpad(b.total());
    weight_line_ = low_.allocate(b.weight);
    weight_narrow_line_ = low_.allocate(b.weight_narrow);
    bias_line_ = low_.allocate(b.bias);
    bias_stage_line_ = low_.allocate(b.bias_stage);
    spill_line_ = low_.allocate(b.spill);
    zero_line_ = low_.allocate(b.zero);
    for (int i = 0; i < 2; ++i) {
      stage_line_[i] = low_.allocate(b.weight_stage);
      source_line_[i] = low_.allocate(b.source);
      source_stage_line_[i] = low_.allocate(b.source_stage);
      destination_line_[i] = low_.allocate(b.destination);
    }
  }

  void run() {
    if (c_.biases_alone)
      low_.copy(models::kRawWords, in_hbm(low_.constants().zero_line), in_scratchpad(zero_line_),
                {{1, 1, 1}});
    const std::int64_t blocks = ceil_div(c_.rows.end(), lanes_);
    for (const Range& rb : pieces(blocks, t_.row_blocks)) {
      load_bias(rb);
      if (chunks_.size() == 1) load_weights(rb, chunks_[0]);
      for (const Range& bg : pieces(c_.destination.batch_groups, t_.batch_groups)) {
        for (const Range& y : pieces(c_.y.positions(), t_.y)) {
          for (const Range& x : pieces(c_.x.positions(), t_.x)) tile(rb, bg, y, x);
        }
      }
    }
  }

 private:
  // channels [begin, end) of the destination in these row blocks
  Range destination_channels(const Range& rb) const {
    return {std::max(c_.rows.offset, rb.begin * lanes_), std::min(c_.rows.end(), rb.end * lanes_)};
  }

  std::int64_t chunk_lines(const Chunk& k) const {
    return ceil_div(align_channels(k.channels.size()), per_line_);
  }

  void load_bias(const Range& rb) {
    if (c_.bias == nullptr) return;
    const std::int64_t row = low_.base_row(*c_.bias) + c_.group * c_.layout.out_blocks + rb.begin;
    const isa::Format stored = c_.bias->format;
    if (stored == models::kBiasFormat)
      return low_.copy(stored, in_hbm(row), in_scratchpad(bias_line_), {{rb.size(), 1, 1}});
    // whole lines, so that the copy need not pick rows out of words
    const std::int64_t packed = models::elements_per_word(stored), first = row / packed * packed;
    const std::int64_t stage = bias_stage_line_ * packed;
    low_.copy(stored, in_hbm(first), in_scratchpad(stage),
              {{round_up(row + rb.size() - first, packed), 1, 1}});
    low_.widen({stored, stage + row - first}, {models::kBiasFormat, bias_line_}, c_.bias->slot, rb.size());
  }

  // Weights of the row blocks and the chunk as lines [rb][ky][kx][channel lines].
  void load_weights(const Range& rb, const Chunk& k) {
    if (c_.transposed) {
      for (const Range& block : pieces(k.channels.size(), lanes_)) {
        load_transposed(rb, k, {k.channels.begin + block.begin, k.channels.begin + block.end});
      }
      return;
    }
    const WeightLayout& l = c_.layout;
    const isa::Format stored = c_.weight->format;
    const bool widen = stored != c_.format;
    const std::int64_t rows = chunk_lines(k) * per_line_, taps = k.ky.size() * k.kx.size();
    const std::int64_t target = models::row_of_line(stored, widen ? weight_narrow_line_ : weight_line_);
    low_.copy(stored, in_hbm(weight_row(rb.begin, k.ky.begin, k.kx.begin, k.channels.begin)),
              in_scratchpad(target),
              {{rb.size(), l.taps * l.out_pitch, taps * rows},
               {k.ky.size(), c_.x.kernel * l.out_pitch, k.kx.size() * rows},
               {k.kx.size(), l.out_pitch, rows},
               {rows, 1, 1}});
    if (widen)
      low_.widen({stored, target}, {c_.format, weight_line_ * per_line_}, c_.weight->slot,
                 rb.size() * taps * rows);
  }

  // Row of the stored weights: block of input channels, tap, output channel.
  std::int64_t weight_row(std::int64_t in_block, std::int64_t ky, std::int64_t kx, std::int64_t oc) const {
    const WeightLayout& l = c_.layout;
    return low_.base_row(*c_.weight) + c_.group * l.group_rows() +
           (in_block * l.taps + ky * c_.x.kernel + kx) * l.out_pitch + oc;
  }

  // One block of L input channels for all row blocks: staged as stored, then each L x L block transposed.
  void load_transposed(const Range& rb, const Chunk& k, const Range& in) {
    const std::int64_t stage_line = stage_line_[stage_++ % 2], taps = k.ky.size() * k.kx.size();
    const isa::Format stored = c_.weight->format;
    const bool widen = stored != c_.format;
    const std::int64_t target = models::row_of_line(stored, widen ? weight_narrow_line_ : stage_line);
    const std::int64_t rows_end = std::min(c_.layout.out_pitch, rb.end * lanes_);
    const std::int64_t full = rows_end / lanes_ - rb.begin, partial = rows_end % lanes_;
    const auto stage = [&](std::int64_t first, std::int64_t count, std::int64_t rows) {
      low_.copy(stored,
                in_hbm(weight_row(in.begin / lanes_, k.ky.begin, k.kx.begin, (rb.begin + first) * lanes_)),
                in_scratchpad(target + first * taps * lanes_),
                {{count, lanes_, taps * lanes_},
                 {k.ky.size(), c_.x.kernel * c_.layout.out_pitch, k.kx.size() * lanes_},
                 {k.kx.size(), c_.layout.out_pitch, lanes_},
                 {rows, 1, 1}});
    };
    if (full > 0) stage(0, full, lanes_);
    if (partial > 0) stage(full, 1, partial);
    if (widen) {
      low_.widen({stored, target}, {c_.format, stage_line * per_line_}, c_.weight->slot,
                 rb.size() * taps * lanes_);
    }
    const std::int64_t rows = chunk_lines(k) * per_line_;
    isa::Transpose t = transposing(c_.format, lanes_, std::min(lanes_, c_.reduce.end() - in.begin),
                                   std::min(lanes_, rows - (in.begin - k.channels.begin)));
    t.src = at(stage_line * per_line_);
    t.dst = at(weight_line_ * per_line_ + in.begin - k.channels.begin);
    low_.emit(t, Nest().loop(rb.size() * taps, {lanes_, rows}));
  }

  void tile(const Range& rb, const Range& bg, const Range& y, const Range& x) {
    const std::vector<WindowClass> ys = c_.y.classes(y.begin, y.end), xs = c_.x.classes(x.begin, x.end);
    const Range channels{rb.begin * lanes_, destination_channels(rb).end};
    const Tile out =
        placed(make_tile(y, x, bg, channels, c_.destination.format), destination_line_[tile_++ % 2]);
    for (std::size_t k = 0; k < chunks_.size(); ++k) {
      Tile in;
      if (!load_source(bg, ys, xs, chunks_[k], in)) continue;
      if (chunks_.size() > 1) load_weights(rb, chunks_[k]);
      for (const WindowClass& cy : ys) {
        for (const WindowClass& cx : xs) multiply(rb, k, cy, cx, in, out);
      }
    }
    without_taps(rb, ys, xs, out);
    if (whole()) {
      low_.store(c_.destination, out, destination_channels(rb));
    } else {
      store_group(out, destination_channels(rb));
    }
  }

  // Whether the rows are all channels of the destination, not those of a group.
  bool whole() const { return c_.rows.count == c_.destination.c; }
  // Channel of the destination tensor that row 0 of block 0 stands for.
  std::int64_t channel_origin() const { return whole() ? 0 : c_.rows.origin; }

  // A group's channels do not fill whole words: rows are written one by one.
  void store_group(const Tile& t, const Range& valid) {
    Image d = c_.destination;
    d.base_row += channel_origin();
    low_.copy(d.format, in_scratchpad(t.row(t.y.begin, t.x.begin, t.bg.begin, valid.begin)),
              in_hbm(d.row(t.y.begin, t.x.begin, t.bg.begin, valid.begin)),
              {{t.y.size(), t.y_stride(), d.y_stride()},
               {t.x.size(), t.x_stride(), d.x_stride()},
               {t.bg.size(), t.bg_stride(), d.pitch},
               {valid.size(), 1, 1}});
  }

  static std::vector<WindowClass> restricted(const std::vector<WindowClass>& classes, const Range& taps) {
    std::vector<WindowClass> r;
    for (const WindowClass& c : classes) r.push_back(restrict_taps(c, taps.begin, taps.end));
    return r;
  }

  // Brings the source region that the classes touch within the chunk; false if there is none.
  bool load_source(const Range& bg, const std::vector<WindowClass>& ys, const std::vector<WindowClass>& xs,
                   const Chunk& k, Tile& tile) {
    const Range sy = source_range(restricted(ys, k.ky)), sx = source_range(restricted(xs, k.kx));
    if (sy.size() <= 0 || sx.size() <= 0) return false;
    const int which = source_++ % 2;
    tile = placed(make_tile(sy, sx, bg, k.channels, c_.format), source_line_[which]);
    Image source = c_.source;
    source.base_row += c_.gathered ? 0 : c_.reduce.origin;
    if (c_.gathered) {
      gather(low_, source, c_.window, tile, source_stage_line_[which]);
    } else if (source.format == c_.format) {
      low_.load(source, tile);
    } else {
      Tile stage = tile;
      stage.format = source.format;
      stage = placed(stage, source_stage_line_[which]);
      low_.load(source, stage);
      low_.widen(stage, tile, source.slot);
    }
    return true;
  }

  std::int64_t spill_lines() const { return models::accumulator_lines(c_.format, lanes_); }

  // Whether the class meets any tap of a chunk before (or after) number k.
  bool meets(const WindowClass& cy, const WindowClass& cx, std::size_t begin, std::size_t end) const {
    for (std::size_t k = begin; k < end; ++k) {
      if (restrict_taps(cy, chunks_[k].ky.begin, chunks_[k].ky.end).taps > 0 &&
          restrict_taps(cx, chunks_[k].kx.begin, chunks_[k].kx.end).taps > 0) {
        return true;
      }
    }
    return false;
  }

  void multiply(const Range& rb, std::size_t k, const WindowClass& whole_y, const WindowClass& whole_x,
                const Tile& in, const Tile& out) {
    const Chunk& chunk = chunks_[k];
    const WindowClass cy = restrict_taps(whole_y, chunk.ky.begin, chunk.ky.end);
    const WindowClass cx = restrict_taps(whole_x, chunk.kx.begin, chunk.kx.end);
    if (cy.taps == 0 || cx.taps == 0) return;
    const bool first = !meets(whole_y, whole_x, 0, k), last = !meets(whole_y, whole_x, k + 1, chunks_.size());
    for (std::int64_t block = rb.begin; block < rb.end; ++block) {
      for (const BatchRun& run : batch_runs(c_.destination, out.bg))
        multiply({block, block - rb.begin, run, chunk, cy, cx, in, out, first, last});
    }
  }

  // What one tensor instruction computes: a block of L rows, for positions of one class on each axis and
  // batch groups of as many images, in one chunk of the reduction.
  struct Product {
    std::int64_t block, local;  // in all, and of those in the tile
    const BatchRun& run;
    const Chunk& chunk;
    const WindowClass &y, &x;
    const Tile &in, &out;
    bool first, last;  // of the reduction
  };
  struct Loops {
    Nest::Strides y, x, bg;
  };

  void multiply(const Product& p) {
    const Chunk& k = p.chunk;
    const std::int64_t lines = chunk_lines(k), skip = first_line(k);
    const std::int64_t tap =
        (p.local * k.ky.size() + p.y.tap - k.ky.begin) * k.kx.size() + p.x.tap - k.kx.begin;
    const std::int64_t in_y = p.in.y_stride() / per_line_, in_x = p.in.x_stride() / per_line_;
    isa::Tensor t = multiplying(c_.format, c_.weight->slot, c_.source.slot);
    set_block_rows(t, p.block);
    t.mask = lane_mask(0, p.run.images);
    t.a = at(weight_line_ + tap * lines + skip);
    t.b = at(p.in.row(p.y.src, p.x.src, p.run.bg.begin, p.in.c.begin) / per_line_ + skip);
    Loops l;
    l.bg.b = p.in.bg_stride() / per_line_;
    l.y.b = p.y.src_per_pos * in_y;
    l.x.b = p.x.src_per_pos * in_x;
    start_and_end(t, p, l);
    low_.emit(t, Nest()
                     .loop(p.y.count, l.y)
                     .loop(p.x.count, l.x)
                     .loop(p.run.bg.size(), l.bg)
                     .fold(p.y.taps, {p.y.tap_step * k.kx.size() * lines, p.y.src_per_tap * in_y})
                     .fold(p.x.taps, {p.x.tap_step * lines, p.x.src_per_tap * in_x})
                     .fold(end_line(k) - skip, {1, 1}));
  }

  // What the accumulators start from, and where they go.
  void start_and_end(isa::Tensor& t, const Product& p, Loops& l) const {
    // spilled tiles stand as [block][y][x][bg]
    const std::int64_t bg = spill_lines(), x = p.out.bg.size() * bg, y = p.out.x.size() * x;
    const std::int64_t spilled = spill_line_ + p.local * p.out.y.size() * y + (p.y.pos - p.out.y.begin) * y +
                                 (p.x.pos - p.out.x.begin) * x + (p.run.bg.begin - p.out.bg.begin) * bg;
    const auto walk = [&](std::int64_t Nest::Strides::*stream, std::int64_t of_y, std::int64_t of_x,
                          std::int64_t of_bg) {
      l.y.*stream = p.y.pos_step * of_y;
      l.x.*stream = p.x.pos_step * of_x;
      l.bg.*stream = of_bg;
    };
    if (!p.first) {
      t.init = isa::Init::kSpill;
      t.c = at(spilled);
      walk(&Nest::Strides::c, y, x, bg);
    } else if (c_.bias != nullptr) {
      t.init = isa::Init::kBias;
      t.c = at(bias_line_ + p.local);
    }
    if (!p.last) {
      writes_to(t, c_.destination);
      t.spill = 1;
      t.o = at(spilled);
      walk(&Nest::Strides::o, y, x, bg);
      return;
    }
    end(t, {p.block, p.y, p.x, p.run, p.out}, l);
  }

  // Where sums go: rows of a block of channels, at the positions of a class, of the destination's tile.
  struct Written {
    std::int64_t block;
    const WindowClass &y, &x;
    const BatchRun& run;
    const Tile& out;
  };

  void end(isa::Tensor& t, const Written& w, Loops& l) const {
    const Image& d = c_.destination;
    low_.produces(t, d);
    t.relu = c_.relu ? 1 : 0;
    t.o = at(w.out.row(w.y.pos, w.x.pos, w.run.bg.begin, w.block * lanes_));
    t.x = indices(d.index(w.y.pos, w.x.pos, w.run.bg.begin, channel_origin() + w.block * lanes_),
                  d.image_size(), d.h * d.w);
    const std::int64_t y = w.y.pos_step, x = w.x.pos_step;
    l.y.o = y * w.out.y_stride();
    l.y.x = y * d.w;
    l.x.o = x * w.out.x_stride();
    l.x.x = x;
    l.bg.o = w.out.bg_stride();
    l.bg.x = lanes_ * d.image_size();
  }

  void set_block_rows(isa::Tensor& t, std::int64_t block) const {
    const std::int64_t first = std::max<std::int64_t>(0, c_.rows.offset - block * lanes_);
    set_rows(t, first, std::min(lanes_, c_.rows.end() - block * lanes_) - first);
  }

  // Lines of a chunk that hold no channel of the group are passed over.
  std::int64_t first_line(const Chunk& k) const {
    return std::max<std::int64_t>(0, c_.reduce.offset - k.channels.begin) / per_line_;
  }
  std::int64_t end_line(const Chunk& k) const {
    return ceil_div(std::min(c_.reduce.end(), k.channels.end) - k.channels.begin, per_line_);
  }

  // Positions that no tap reaches: windows that meet only padding, and of gradients what lies between the
  // windows. Where no tap is met on one axis, the other one is not cut.
  void without_taps(const Range& rb, const std::vector<WindowClass>& ys, const std::vector<WindowClass>& xs,
                    const Tile& out) {
    WindowClass whole_row;
    whole_row.pos = out.x.begin;
    whole_row.count = out.x.size();
    for (const WindowClass& cy : ys) {
      if (cy.taps == 0) {
        fill(rb, cy, whole_row, out);
        continue;
      }
      for (const WindowClass& cx : xs) {
        if (cx.taps == 0) fill(rb, cy, cx, out);
      }
    }
  }

  void fill(const Range& rb, const WindowClass& cy, const WindowClass& cx, const Tile& out) {
    for (const BatchRun& run : batch_runs(c_.destination, out.bg)) {
      if (c_.bias == nullptr) {
        fill_zero(rb, {cy, cx, run, out});
      } else {
        for (std::int64_t block = rb.begin; block < rb.end; ++block)
          fill_bias(block, block - rb.begin, {cy, cx, run, out});
      }
    }
  }

  // What one instruction fills.
  struct Filled {
    const WindowClass &y, &x;
    const BatchRun& run;
    const Tile& out;
  };

  void fill_zero(const Range& rb, const Filled& f) {
    const Range channels = destination_channels(rb);
    isa::Vector v;
    v.op = isa::VectorOp::kCopy;
    low_.produces(v, c_.destination);
    v.mask = lane_mask(0, f.run.images);
    v.a = scalar(low_.scalar(0.0f));
    v.o = at(f.out.row(f.y.pos, f.x.pos, f.run.bg.begin, channels.begin));
    low_.emit(v, Nest()
                     .loop(f.run.bg.size(), {0, 0, 0, f.out.bg_stride()})
                     .loop(f.y.count, {0, 0, 0, f.y.pos_step * f.out.y_stride()})
                     .loop(f.x.count, {0, 0, 0, f.x.pos_step * f.out.x_stride()})
                     .loop(channels.size(), {0, 0, 0, 1}));
  }

  // The bias goes the way of all sums, so that it is rounded as they are: a product of zeros is added.
  void fill_bias(std::int64_t block, std::int64_t local, const Filled& f) {
    isa::Tensor t = multiplying(c_.format, c_.weight->slot, c_.source.slot);
    set_block_rows(t, block);
    t.mask = lane_mask(0, f.run.images);
    t.a = t.b = at(zero_line_);
    t.init = isa::Init::kBias;
    t.c = at(bias_line_ + local);
    Loops l;
    end(t, {block, f.y, f.x, f.run, f.out}, l);
    low_.emit(t, Nest().loop(f.y.count, l.y).loop(f.x.count, l.x).loop(f.run.bg.size(), l.bg));
  }

  Lowering& low_;
  const Contraction& c_;
  const ContractionTiling& t_;
  std::int64_t lanes_;
  std::vector<Chunk> chunks_;
  std::int64_t per_line_;
  std::int64_t weight_line_ = 0, weight_narrow_line_ = 0, bias_line_ = 0, bias_stage_line_ = 0,
               spill_line_ = 0, zero_line_ = 0;
  std::int64_t stage_line_[2]{}, source_line_[2]{}, source_stage_line_[2]{}, destination_line_[2]{};
  int stage_ = 0, source_ = 0, tile_ = 0;
};

// Whether there are positions that no tap reaches.
bool has_unmet(const Axis& a) {
  const std::vector<WindowClass> classes = a.classes(0, a.positions());
  return std::any_of(classes.begin(), classes.end(), [](const WindowClass& c) { return c.taps == 0; });
}

}  // namespace

void lower_contraction(Lowering& low, Contraction c, const std::string& place) {
  c.biases_alone = c.bias != nullptr && (has_unmet(c.y) || has_unmet(c.x));
  const ContractionTiling tiling = search_tiling(c, low, place);
  low.note(fmt::format(
      "{} {}: rows of {} channels in blocks of {} x {}, batch groups {}, y {}, x {}, taps {} x {}, "
      "channels {}; {} of {} lines",
      c.transposed ? "convolution" : "convolution_backward_data", place, c.rows.count, tiling.row_blocks,
      low.lanes(), tiling.batch_groups, tiling.y, tiling.x, tiling.chunk_ky, tiling.chunk_kx,
      tiling.chunk_channels, buffers(c, tiling, low.lanes()).total(), low.capacity()));
  ContractionLowering(low, c, tiling).run();
}

}  // namespace anzan::compiler
