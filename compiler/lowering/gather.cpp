// Class by class of positions, all taps that it sees; what meets padding is zeroed first.
#include "compiler/lowering/gather.hpp"

#include <algorithm>

#include "models/number_format.hpp"

namespace anzan::compiler {
namespace {

class Gather {
 public:
  Gather(Lowering& low, const Image& source, const Axes& window, const Tile& tile)
      : low_(low),
        channels_(source.c),
        kernel_x_(window.x.kernel),
        taps_(window.y.kernel * window.x.kernel),
        tile_(tile) {}

  // From the pixels in `raw`, for positions of one class on each axis.
  void positions(const Tile& raw, const WindowClass& cy, const WindowClass& cx) {
    if (cy.taps == 0 || cx.taps == 0) return;
    if (tile_.c.begin == 0 && tile_.c.end >= channels_ * taps_)
      return copy(raw, cy, cx, {{0, cy.taps}, {0, cx.taps}, {0, channels_}});
    // a tile of some of the channels: what of each kernel row lies inside
    for (std::int64_t c = 0; c < channels_; ++c) {
      for (std::int64_t ky = 0; ky < cy.taps; ++ky) {
        const std::int64_t first = c * taps_ + (cy.tap + ky) * kernel_x_ + cx.tap;
        const Range kx{std::max<std::int64_t>(0, tile_.c.begin - first),
                       std::min(cx.taps, tile_.c.end - first)};
        if (kx.size() > 0) copy(raw, cy, cx, {{ky, ky + 1}, kx, {c, c + 1}});
      }
    }
  }

 private:
  // Taps of the class, and channels of the source.
  struct Seen {
    Range ky, kx, channels;
  };

  void copy(const Tile& raw, const WindowClass& cy, const WindowClass& cx, const Seen& seen) {
    const std::int64_t ky = seen.ky.begin, kx = seen.kx.begin, channel = seen.channels.begin;
    const std::int64_t to = channel * taps_ + (cy.tap + ky) * kernel_x_ + cx.tap + kx;
    low_.copy(tile_.format, in_scratchpad(raw.row(cy.src + ky, cx.src + kx, tile_.bg.begin, channel)),
              in_scratchpad(tile_.row(cy.pos, cx.pos, tile_.bg.begin, to)),
              {{cy.count, cy.src_per_pos * raw.y_stride(), tile_.y_stride()},
               {cx.count, cx.src_per_pos * raw.x_stride(), tile_.x_stride()},
               {tile_.bg.size(), raw.bg_stride(), tile_.bg_stride()},
               {seen.channels.size(), 1, taps_},
               {seen.ky.size(), raw.y_stride(), kernel_x_},
               {seen.kx.size(), raw.x_stride(), 1}});
  }

  Lowering& low_;
  std::int64_t channels_, kernel_x_, taps_;
  const Tile& tile_;
};

}  // namespace

void gather(Lowering& low, const Image& source, const Axes& window, const Tile& tile,
            std::int64_t stage_line) {
  const std::vector<WindowClass> ys = window.y.classes(tile.y.begin, tile.y.end);
  const std::vector<WindowClass> xs = window.x.classes(tile.x.begin, tile.x.end);
  Tile raw = make_tile(source_range(ys), source_range(xs), tile.bg, {0, source.c}, source.format);
  raw.pitch = source.pitch;
  raw = placed(raw, stage_line);
  low.load(source, raw);
  if (source.format != tile.format) {
    Tile wide = raw;
    wide.format = tile.format;
    wide = placed(wide, stage_line + raw.lines());
    low.widen(raw, wide, source.slot);
    raw = wide;
  }
  if (window.y.pad > 0 || window.x.pad > 0) {  // taps that meet padding stay zero
    low.copy(models::kRawWords, in_hbm(low.constants().zero_line),
             in_scratchpad(tile.base_row / models::elements_per_word(tile.format)), {{tile.lines(), 0, 1}});
  }
  Gather gather(low, source, window, tile);
  for (const WindowClass& cy : ys) {
    for (const WindowClass& cx : xs) gather.positions(raw, cy, cx);
  }
}

}  // namespace anzan::compiler
