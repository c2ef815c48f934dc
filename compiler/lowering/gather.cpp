// im2col in the scratchpad: see gather.hpp.
#include "compiler/lowering/gather.hpp"

#include <algorithm>

#include "models/number_format.hpp"

namespace anzan::compiler {
namespace {

using isa::Space;

void gather_class(Lowering& low, const Image& source, const Axes& window, const Tile& tile, const Tile& raw,
                  const WindowClass& cy, const WindowClass& cx) {
  if (cy.taps == 0 || cx.taps == 0) return;
  const std::int64_t kw = window.x.kernel, taps = window.y.kernel * kw;
  const auto emit = [&](std::int64_t ky, std::int64_t kys, std::int64_t kx, std::int64_t kxs,
                        Range channels) {
    const std::int64_t to = channels.begin * taps + (cy.tap + ky) * kw + cx.tap + kx;
    low.copy(tile.format, Space::kScratchpad,
             raw.row(cy.src + ky, cx.src + kx, tile.bg.begin, channels.begin), Space::kScratchpad,
             tile.row(cy.pos, cx.pos, tile.bg.begin, to),
             {{cy.count, cy.src_per_pos * raw.y_stride(), tile.y_stride()},
              {cx.count, cx.src_per_pos * raw.x_stride(), tile.x_stride()},
              {tile.bg.size(), raw.bg_stride(), tile.bg_stride()},
              {channels.size(), 1, taps},
              {kys, raw.y_stride(), kw},
              {kxs, raw.x_stride(), 1}});
  };
  if (tile.c.begin == 0 && tile.c.end >= source.c * taps) return emit(0, cy.taps, 0, cx.taps, {0, source.c});
  // a tile of some of the channels: what of each kernel row lies inside
  for (std::int64_t c = 0; c < source.c; ++c) {
    for (std::int64_t ky = 0; ky < cy.taps; ++ky) {
      const std::int64_t first = c * taps + (cy.tap + ky) * kw + cx.tap;
      const Range kx{std::max<std::int64_t>(0, tile.c.begin - first), std::min(cx.taps, tile.c.end - first)};
      if (kx.size() > 0) emit(ky, 1, kx.begin, kx.size(), {c, c + 1});
    }
  }
}

}  // namespace

void gather(Lowering& low, const Image& source, const Axes& window, const Tile& tile,
            std::int64_t stage_line) {
  const std::vector<WindowClass> ys = window.y.classes(tile.y.begin, tile.y.end);
  const std::vector<WindowClass> xs = window.x.classes(tile.x.begin, tile.x.end);
  Tile raw = make_tile(source_range(ys), source_range(xs), tile.bg, {0, source.c}, source.format);
  raw.pitch = source.pitch;
  raw.base_row = stage_line * models::elements_per_word(source.format);
  low.load(source, raw);
  if (source.format != tile.format) {
    Tile wide = raw;
    wide.format = tile.format;
    wide.base_row = (stage_line + raw.lines()) * models::elements_per_word(tile.format);
    low.widen(raw.base_row, raw.format, wide.base_row, wide.format, source.slot, raw.rows());
    raw = wide;
  }
  if (window.y.pad > 0 || window.x.pad > 0) {  // taps that meet padding stay zero
    low.copy(isa::Format::kFp32, Space::kHbm, low.constants().zero_line, Space::kScratchpad,
             tile.base_row / models::elements_per_word(tile.format), {{tile.lines(), 0, 1}});
  }
  for (const WindowClass& cy : ys) {
    for (const WindowClass& cx : xs) gather_class(low, source, window, tile, raw, cy, cx);
  }
}

}  // namespace anzan::compiler
