// Contractions whose lanes are images: see contraction.hpp.
#include "compiler/lowering/contraction.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "models/number_format.hpp"

namespace anzan::compiler {
namespace {

using isa::Space;

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
    for (int i = 0; i < 2; ++i) {
      stage_line_[i] = low_.allocate(b.weight_stage);
      source_line_[i] = low_.allocate(b.source);
      source_stage_line_[i] = low_.allocate(b.source_stage);
      destination_line_[i] = low_.allocate(b.destination);
    }
  }

  void run() {
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
    if (c_.bias->format == models::kBiasFormat) {
      low_.copy(c_.bias->format, Space::kHbm, row, Space::kScratchpad, bias_line_, {{rb.size(), 1, 1}});
      return;
    }
    // whole lines, so that the copy need not pick rows out of words
    const std::int64_t packed = models::elements_per_word(c_.bias->format), first = row / packed * packed;
    const std::int64_t stage = bias_stage_line_ * packed;
    low_.copy(c_.bias->format, Space::kHbm, first, Space::kScratchpad, stage,
              {{round_up(row + rb.size() - first, packed), 1, 1}});
    low_.widen(stage + row - first, c_.bias->format, bias_line_, models::kBiasFormat, c_.bias->slot,
               rb.size());
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
    const std::int64_t target =
        widen ? weight_narrow_line_ * models::elements_per_word(stored) : weight_line_ * per_line_;
    low_.copy(stored, Space::kHbm, weight_row(rb.begin, k.ky.begin, k.kx.begin, k.channels.begin),
              Space::kScratchpad, target,
              {{rb.size(), l.taps * l.out_pitch, taps * rows},
               {k.ky.size(), c_.x.kernel * l.out_pitch, k.kx.size() * rows},
               {k.kx.size(), l.out_pitch, rows},
               {rows, 1, 1}});
    if (widen)
      low_.widen(target, stored, weight_line_ * per_line_, c_.format, c_.weight->slot,
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
    const std::int64_t target =
        widen ? weight_narrow_line_ * models::elements_per_word(stored) : stage_line * per_line_;
    const std::int64_t rows_end = std::min(c_.layout.out_pitch, rb.end * lanes_);
    const std::int64_t full = rows_end / lanes_ - rb.begin, partial = rows_end % lanes_;
    const auto stage = [&](std::int64_t first, std::int64_t count, std::int64_t rows) {
      low_.copy(stored, Space::kHbm,
                weight_row(in.begin / lanes_, k.ky.begin, k.kx.begin, (rb.begin + first) * lanes_),
                Space::kScratchpad, target + first * taps * lanes_,
                {{count, lanes_, taps * lanes_},
                 {k.ky.size(), c_.x.kernel * c_.layout.out_pitch, k.kx.size() * lanes_},
                 {k.kx.size(), c_.layout.out_pitch, lanes_},
                 {rows, 1, 1}});
    };
    if (full > 0) stage(0, full, lanes_);
    if (partial > 0) stage(full, 1, partial);
    if (widen) {
      low_.widen(target, stored, stage_line * per_line_, c_.format, c_.weight->slot,
                 rb.size() * taps * lanes_);
    }
    const std::int64_t rows = chunk_lines(k) * per_line_;
    isa::Transpose t;
    t.element = c_.format;
    t.src_rows = static_cast<std::uint8_t>(lanes_);
    t.src_lanes = static_cast<std::uint8_t>(std::min(lanes_, c_.reduce.end() - in.begin));
    t.dst_rows = static_cast<std::uint8_t>(std::min(lanes_, rows - (in.begin - k.channels.begin)));
    t.src = at(stage_line * per_line_);
    t.dst = at(weight_line_ * per_line_ + in.begin - k.channels.begin);
    Nest().loop(rb.size() * taps, {lanes_, rows, 0, 0, 0}).finish(t);
    low_.emit(t);
  }

  void tile(const Range& rb, const Range& bg, const Range& y, const Range& x) {
    const std::vector<WindowClass> ys = c_.y.classes(y.begin, y.end), xs = c_.x.classes(x.begin, x.end);
    const Range channels{rb.begin * lanes_, destination_channels(rb).end};
    Tile out = make_tile(y, x, bg, channels, c_.destination.format);
    out.base_row = destination_line_[tile_++ % 2] * models::elements_per_word(out.format);
    for (std::size_t k = 0; k < chunks_.size(); ++k) {
      Tile in;
      if (!load_source(bg, ys, xs, chunks_[k], in)) continue;
      if (chunks_.size() > 1) load_weights(rb, chunks_[k]);
      for (const WindowClass& cy : ys) {
        for (const WindowClass& cx : xs) multiply(rb, k, cy, cx, in, out);
      }
    }
    for (const WindowClass& cy : ys) {
      for (const WindowClass& cx : xs) {
        if (cy.taps == 0 || cx.taps == 0) fill_zero(rb, cy, cx, out);
      }
    }
    const Range valid = destination_channels(rb);
    Image d = c_.destination;
    // group windows count channels from their aligned origin
    d.base_row += c_.rows.count == d.c ? 0 : group_origin();
    if (c_.rows.count != d.c) {
      store_group(d, out, valid);
    } else {
      low_.store(d, out, valid.begin, valid.end);
    }
  }

  std::int64_t group_origin() const { return c_.rows.origin; }

  // A group's channels do not fill whole words: rows are written one by one.
  void store_group(const Image& d, const Tile& t, const Range& valid) {
    low_.copy(d.format, Space::kScratchpad, t.row(t.y.begin, t.x.begin, t.bg.begin, valid.begin), Space::kHbm,
              d.row(t.y.begin, t.x.begin, t.bg.begin, valid.begin),
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
    tile = make_tile(sy, sx, bg, k.channels, c_.format);
    const int which = source_++ % 2;
    tile.base_row = source_line_[which] * per_line_;
    Image source = c_.source;
    source.base_row += c_.gathered ? 0 : c_.reduce.origin;
    if (c_.gathered) {
      gather(low_, source, c_.window, tile, source_stage_line_[which]);
    } else if (source.format == c_.format) {
      low_.load(source, tile);
    } else {
      Tile stage = tile;
      stage.format = source.format;
      stage.base_row = source_stage_line_[which] * models::elements_per_word(source.format);
      low_.load(source, stage);
      low_.widen(stage.base_row, source.format, tile.base_row, c_.format, source.slot, tile.rows());
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
    const WindowClass cy = restrict_taps(whole_y, chunks_[k].ky.begin, chunks_[k].ky.end);
    const WindowClass cx = restrict_taps(whole_x, chunks_[k].kx.begin, chunks_[k].kx.end);
    if (cy.taps == 0 || cx.taps == 0) return;
    const bool first = !meets(whole_y, whole_x, 0, k), last = !meets(whole_y, whole_x, k + 1, chunks_.size());
    for (std::int64_t block = rb.begin; block < rb.end; ++block) {
      for (const BatchRun& run : batch_runs(c_.destination, out.bg)) {
        isa::Tensor t = arithmetic(block - rb.begin, chunks_[k], cy, cx, in, run);
        finish(t, block, block - rb.begin, run, cy, cx, chunks_[k], in, out, first, last);
      }
    }
  }

  // Operands of one tensor instruction, without its start, its end and its loops.
  isa::Tensor arithmetic(std::int64_t block, const Chunk& k, const WindowClass& cy, const WindowClass& cx,
                         const Tile& in, const BatchRun& run) const {
    isa::Tensor t;
    t.format = c_.format;
    t.slot_a = static_cast<std::uint16_t>(c_.weight->slot);
    t.slot_b = static_cast<std::uint16_t>(c_.source.slot);
    t.slot_o = static_cast<std::uint16_t>(c_.destination.slot);
    t.out_format = c_.destination.format;
    const std::int64_t lines = chunk_lines(k), skip = first_line(k);
    t.a =
        at(weight_line_ +
           ((block * k.ky.size() + cy.tap - k.ky.begin) * k.kx.size() + cx.tap - k.kx.begin) * lines + skip);
    t.b = at(in.row(cy.src, cx.src, run.bg.begin, in.c.begin) / per_line_ + skip);
    return t;
  }

  // Lines of a chunk that hold no channel of the group are passed over.
  std::int64_t first_line(const Chunk& k) const {
    return std::max<std::int64_t>(0, c_.reduce.offset - k.channels.begin) / per_line_;
  }
  std::int64_t end_line(const Chunk& k) const {
    return ceil_div(std::min(c_.reduce.end(), k.channels.end) - k.channels.begin, per_line_);
  }

  void finish(isa::Tensor& t, std::int64_t block, std::int64_t local, const BatchRun& run,
              const WindowClass& cy, const WindowClass& cx, const Chunk& k, const Tile& in, const Tile& out,
              bool first, bool last) {
    const std::int64_t row_first = std::max<std::int64_t>(0, c_.rows.offset - block * lanes_);
    const std::int64_t row_end = std::min(lanes_, c_.rows.end() - block * lanes_);
    if (row_end <= row_first) return;
    t.row_first = static_cast<std::uint8_t>(row_first);
    t.row_count = static_cast<std::uint8_t>(row_end - row_first);
    t.mask = lane_mask(0, run.images);
    const std::int64_t dy = cy.pos_step, dx = cx.pos_step;
    // spilled tiles stand as [block][y][x][bg]
    const std::int64_t spill = spill_lines(), sx = out.bg.size() * spill, sy = out.x.size() * sx;
    const std::int64_t spilled = spill_line_ + local * out.y.size() * sy + (cy.pos - out.y.begin) * sy +
                                 (cx.pos - out.x.begin) * sx + (run.bg.begin - out.bg.begin) * spill;
    Nest::Strides bg{0, in.bg_stride() / per_line_, 0, 0, 0};
    Nest::Strides y{0, cy.src_per_pos * in.y_stride() / per_line_, 0, 0, 0};
    Nest::Strides x{0, cx.src_per_pos * in.x_stride() / per_line_, 0, 0, 0};
    if (!first) {
      t.init = isa::Init::kSpill;
      t.c = at(spilled);
      bg[2] = spill, y[2] = dy * sy, x[2] = dx * sx;
    } else if (c_.bias != nullptr) {
      t.init = isa::Init::kBias;
      t.c = at(bias_line_ + local);
    }
    if (!last) {
      t.spill = 1;
      t.o = at(spilled);
      bg[3] = spill, y[3] = dy * sy, x[3] = dx * sx;
    } else {
      const Image& d = c_.destination;
      t.relu = c_.relu ? 1 : 0;
      t.analyse = low_.analyses(d.slot, d.format) ? 1 : 0;
      t.o = at(out.row(cy.pos, cx.pos, run.bg.begin, block * lanes_));
      bg[3] = out.bg_stride(), y[3] = dy * out.y_stride(), x[3] = dx * out.x_stride();
      t.x.base = static_cast<std::uint32_t>(
          d.index(cy.pos, cx.pos, run.bg.begin, channel_origin() + block * lanes_));
      t.x.row_stride = static_cast<std::int32_t>(d.h * d.w);
      t.x.lane_stride = static_cast<std::int32_t>(d.image_size());
      bg[4] = lanes_ * d.image_size(), y[4] = dy * d.w, x[4] = dx;
    }
    const std::int64_t lines = chunk_lines(k);
    Nest()
        .loop(cy.count, y)
        .loop(cx.count, x)
        .loop(run.bg.size(), bg)
        .fold(cy.taps,
              {cy.tap_step * k.kx.size() * lines, cy.src_per_tap * in.y_stride() / per_line_, 0, 0, 0})
        .fold(cx.taps, {cx.tap_step * lines, cx.src_per_tap * in.x_stride() / per_line_, 0, 0, 0})
        .fold(end_line(k) - first_line(k), {1, 1, 0, 0, 0})
        .finish(t);
    low_.emit(t);
  }

  // Channel of the destination tensor that row 0 of block 0 stands for.
  std::int64_t channel_origin() const { return c_.rows.count == c_.destination.c ? 0 : c_.rows.origin; }

  // Positions that no tap reaches (strides beyond the kernel).
  void fill_zero(const Range& rb, const WindowClass& cy, const WindowClass& cx, const Tile& out) {
    const Range channels = destination_channels(rb);
    const Image& d = c_.destination;
    for (const BatchRun& run : batch_runs(d, out.bg)) {
      isa::Vector v;
      v.op = isa::VectorOp::kCopy;
      v.out_format = d.format;
      v.slot_o = static_cast<std::uint16_t>(d.slot);
      v.analyse = low_.analyses(d.slot, d.format) ? 1 : 0;
      v.mask = lane_mask(0, run.images);
      v.a.kind = isa::OperandKind::kScalar;
      v.a.format = isa::Format::kFp32;
      v.a.at = at(low_.scalar(0.0f));
      v.o = at(out.row(cy.pos, cx.pos, run.bg.begin, channels.begin));
      Nest()
          .loop(run.bg.size(), {0, 0, 0, out.bg_stride(), 0})
          .loop(cy.count, {0, 0, 0, cy.pos_step * out.y_stride(), 0})
          .loop(cx.count, {0, 0, 0, cx.pos_step * out.x_stride(), 0})
          .loop(channels.size(), {0, 0, 0, 1, 0})
          .finish(v);
      low_.emit(v);
    }
  }

  Lowering& low_;
  const Contraction& c_;
  const ContractionTiling& t_;
  std::int64_t lanes_;
  std::vector<Chunk> chunks_;
  std::int64_t per_line_;
  std::int64_t weight_line_ = 0, weight_narrow_line_ = 0, bias_line_ = 0, bias_stage_line_ = 0,
               spill_line_ = 0;
  std::int64_t stage_line_[2]{}, source_line_[2]{}, source_stage_line_[2]{}, destination_line_[2]{};
  int stage_ = 0, source_ = 0, tile_ = 0;
};

}  // namespace

void lower_contraction(Lowering& low, const Contraction& c, const std::string& place) {
  const ContractionTiling tiling = search_tiling(c, low.lanes(), low.room(), place);
  low.note(fmt::format(
      "{} {}: rows of {} channels in blocks of {} x {}, batch groups {}, y {}, x {}, taps {} x {}, "
      "channels {}; {} of {} lines",
      c.transposed ? "convolution" : "convolution_backward_data", place, c.rows.count, tiling.row_blocks,
      low.lanes(), tiling.batch_groups, tiling.y, tiling.x, tiling.chunk_ky, tiling.chunk_kx,
      tiling.chunk_channels, buffers(c, tiling, low.lanes()).total(), low.capacity()));
  ContractionLowering(low, c, tiling).run();
}

}  // namespace anzan::compiler
