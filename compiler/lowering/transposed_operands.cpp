// Staged as stored, widened where the arithmetic is wider, then transposed block by block.
#include "compiler/lowering/transposed_operands.hpp"

#include <algorithm>
#include <limits>

#include "compiler/lowering/gather.hpp"
#include "models/number_format.hpp"

namespace anzan::compiler {
namespace {

// Input indices that the taps meet on one axis.
Range inputs(const Axis& a, const std::vector<TapClass>& classes) {
  Range r{std::numeric_limits<std::int64_t>::max(), std::numeric_limits<std::int64_t>::min()};
  for (const TapClass& c : classes) {
    const std::int64_t first = c.out * a.stride + c.tap * a.dilation - a.pad;
    r.begin = std::min(r.begin, first);
    r.end = std::max(r.end, first + (c.outs - 1) * a.stride + a.span(c.taps));
  }
  return r;
}

}  // namespace

std::vector<TapClass> taps_met(const Axis& a, const Range& k, const Range& outs) {
  std::vector<TapClass> met;
  for (const TapClass& c : tap_classes(a, k.begin, k.end, outs.begin, outs.end)) {
    if (c.outs > 0) met.push_back(c);
  }
  return met;
}

void TransposedOperands::allocate(const WeightGradientBuffers& b) {
  for (int i = 0; i < 2; ++i) {
    x_stage_[i] = low_.allocate(b.x_stage);
    x_wide_[i] = low_.allocate(b.x_wide);
    x_line_[i] = low_.allocate(b.x);
    dy_stage_[i] = low_.allocate(b.dy_stage);
    dy_wide_[i] = low_.allocate(b.dy_wide);
    dy_line_[i] = low_.allocate(b.dy);
  }
}

// dy of the part as lines [block][bg][y][x][image lines]
void TransposedOperands::load_gradient(const Range& ob, const ReductionPart& p) {
  const int which = dy_count_++ % 2;
  dy_now_ = dy_line_[which];
  Image dy = g_.dy;
  dy.base_row += out_.origin;
  const Range channels{ob.begin * g_.lanes, std::min(ob.end * g_.lanes, align_channels(out_.end()))};
  const Tile stage = placed(make_tile(p.y, p.x, p.bg, channels, dy.format), dy_stage_[which]);
  low_.load(dy, stage);
  transpose(widened(stage, dy.slot, dy_wide_[which]), ob, out_.end(), dy_now_);
}

Tile TransposedOperands::widened(const Tile& tile, int slot, std::int64_t line) {
  if (tile.format == g_.format) return tile;
  Tile wide = tile;
  wide.format = g_.format;
  wide = placed(wide, line);
  low_.widen(tile, wide, slot);
  return wide;
}

bool TransposedOperands::load_input(const Range& ib, const Range& ky, const Range& kx,
                                    const ReductionPart& p) {
  const std::vector<TapClass> ys = taps_met(g_.kernel.y, ky, p.y), xs = taps_met(g_.kernel.x, kx, p.x);
  if (ys.empty() || xs.empty()) return false;
  const int which = x_count_++ % 2;
  x_now_ = x_line_[which];
  y_ = inputs(g_.kernel.y, ys);
  x_ = inputs(g_.kernel.x, xs);
  const Range channels{ib.begin * g_.lanes, std::min(ib.end * g_.lanes, align_channels(in_.end()))};
  Tile tile;
  if (g_.weight->gathered) {
    tile = placed(make_tile(y_, x_, p.bg, channels, g_.format), x_wide_[which]);
    gather(low_, g_.x, g_.window, tile, x_stage_[which]);
  } else {
    Image x = g_.x;
    x.base_row += in_.origin;
    tile = placed(make_tile(y_, x_, p.bg, channels, x.format), x_stage_[which]);
    low_.load(x, tile);
    tile = widened(tile, x.slot, x_wide_[which]);
  }
  transpose(tile, ib, in_.end(), x_now_);
  return true;
}

// Blocks of L images by L channels to lines [block][bg][y][x][image lines]; what lies beyond the images
// and channels that exist becomes zero.
void TransposedOperands::transpose(const Tile& tile, const Range& blocks, std::int64_t channels_end,
                                   std::int64_t line) {
  const std::int64_t x_rows = g_.lanes, y_rows = tile.x.size() * g_.lanes, bg_rows = tile.y.size() * y_rows;
  const std::int64_t block_rows = tile.bg.size() * bg_rows;
  for (std::int64_t b = blocks.begin; b < blocks.end; ++b) {
    for (const BatchRun& run : batch_runs(g_.dy, tile.bg)) {
      isa::Transpose t =
          transposing(tile.format, std::min(g_.lanes, channels_end - b * g_.lanes), run.images, g_.lanes);
      t.src = at(tile.row(tile.y.begin, tile.x.begin, run.bg.begin, b * g_.lanes));
      t.dst = at(models::row_of_line(g_.format, line) + (b - blocks.begin) * block_rows +
                 (run.bg.begin - tile.bg.begin) * bg_rows);
      low_.emit(t, Nest()
                       .loop(run.bg.size(), {tile.bg_stride(), bg_rows})
                       .loop(tile.y.size(), {tile.y_stride(), y_rows})
                       .loop(tile.x.size(), {tile.x_stride(), x_rows}));
    }
  }
}

}  // namespace anzan::compiler
