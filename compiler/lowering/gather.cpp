// Class by class of positions, all taps that it sees; what meets padding is zeroed first.
#include "compiler/lowering/gather.hpp"

#include <algorithm>

#include "models/number_format.hpp"

namespace anzan::compiler {
namespace {

// Rows of pixels that are staged when only those that the tile's channels see are, in at most two pieces: the
// last rows of the kernel for one channel of the source, and the first ones for the next.
std::int64_t rows_seen(const Axis& y, const Axis& x, std::int64_t positions, std::int64_t channels) {
  return 2 * (positions - 1) * y.stride + y.span(ceil_div(channels, x.kernel)) + 1;
}

// Whether there are fewer of them than rows that the windows cover.
bool cuts_kernel(const Axes& window, std::int64_t positions, std::int64_t channels) {
  return channels <= window.y.kernel * window.x.kernel &&
         rows_seen(window.y, window.x, positions, channels) < window.y.extent(positions, window.y.kernel);
}

// Channels of the source, and rows of the kernel through which they are seen.
struct Seen {
  Range channels, ky;
};

std::vector<Seen> seen(const Image& source, const Axes& window, const Tile& tile) {
  const std::int64_t width = window.x.kernel, taps = window.y.kernel * width;
  const Range all{0, window.y.kernel};
  if (!cuts_kernel(window, tile.y.size(), tile.c.size())) return {{{0, source.c}, all}};
  const std::int64_t first = tile.c.begin, last = std::min(tile.c.end, source.c * taps) - 1;
  std::vector<Seen> result;
  for (std::int64_t c = first / taps; c <= last / taps; ++c) {
    const Range taps_of_c{std::max(first - c * taps, std::int64_t{0}), std::min(last - c * taps, taps - 1)};
    result.push_back({{c, c + 1}, {taps_of_c.begin / width, taps_of_c.end / width + 1}});
  }
  return result;
}

class Gather {
 public:
  Gather(Lowering& low, const Image& source, const Axes& window, const Tile& tile)
      : low_(low),
        channels_(source.c),
        kernel_x_(window.x.kernel),
        taps_(window.y.kernel * window.x.kernel),
        tile_(tile) {}

  // From the pixels in `raw`, for positions of one class on each axis, of these channels of the source.
  void positions(const Tile& raw, const WindowClass& cy, const WindowClass& cx, const Range& channels) {
    if (cy.taps == 0 || cx.taps == 0) return;
    if (tile_.c.begin == 0 && tile_.c.end >= channels_ * taps_)
      return copy(raw, cy, cx, {{0, cy.taps}, {0, cx.taps}, channels});
    // a tile of some of the channels: what of each kernel row lies inside
    for (std::int64_t c = channels.begin; c < channels.end; ++c) {
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
  struct Taken {
    Range ky, kx, channels;
  };

  void copy(const Tile& raw, const WindowClass& cy, const WindowClass& cx, const Taken& taken) {
    const std::int64_t ky = taken.ky.begin, kx = taken.kx.begin, channel = taken.channels.begin;
    const std::int64_t to = channel * taps_ + (cy.tap + ky) * kernel_x_ + cx.tap + kx;
    low_.copy(tile_.format,
              in_scratchpad(raw.row(cy.src + ky * cy.src_per_tap, cx.src + kx * cx.src_per_tap,
                                    tile_.bg.begin, channel)),
              in_scratchpad(tile_.row(cy.pos, cx.pos, tile_.bg.begin, to)),
              {{cy.count, cy.src_per_pos * raw.y_stride(), tile_.y_stride()},
               {cx.count, cx.src_per_pos * raw.x_stride(), tile_.x_stride()},
               {tile_.bg.size(), raw.bg_stride(), tile_.bg_stride()},
               {taken.channels.size(), 1, taps_},
               {taken.ky.size(), cy.src_per_tap * raw.y_stride(), kernel_x_},
               {taken.kx.size(), cx.src_per_tap * raw.x_stride(), 1}});
  }

  Lowering& low_;
  std::int64_t channels_, kernel_x_, taps_;
  const Tile& tile_;
};

struct Pixels {
  Range y, x, bg;
};

// The pixels in this format, from `line` on, which moves behind them.
Tile staged(Lowering& low, const Image& source, const Pixels& pixels, isa::Format format,
            std::int64_t& line) {
  Tile raw = make_tile(pixels.y, pixels.x, pixels.bg, {0, source.c}, source.format);
  raw.pitch = source.pitch;
  raw = placed(raw, line);
  if (raw.rows() == 0) return raw;
  line += raw.lines();
  low.load(source, raw);
  if (source.format == format) return raw;
  Tile wide = raw;
  wide.format = format;
  wide = placed(wide, line);
  line += wide.lines();
  low.widen(raw, wide, source.slot);
  return wide;
}

}  // namespace

void gather(Lowering& low, const Image& source, const Axes& window, const Tile& tile,
            std::int64_t stage_line) {
  const std::vector<WindowClass> xs = window.x.classes(tile.x.begin, tile.x.end);
  const std::vector<Seen> parts = seen(source, window, tile);
  std::vector<std::vector<WindowClass>> ys;
  std::vector<Tile> raw;
  for (const Seen& part : parts) {
    ys.emplace_back();
    for (const WindowClass& c : window.y.classes(tile.y.begin, tile.y.end))
      ys.back().push_back(restrict_taps(c, part.ky.begin, part.ky.end));
    raw.push_back(
        staged(low, source, {source_range(ys.back()), source_range(xs), tile.bg}, tile.format, stage_line));
  }
  if (window.y.sticks_out() || window.x.sticks_out()) {  // taps that meet padding stay zero
    low.copy(models::kRawWords, in_hbm(low.constants().zero_line),
             in_scratchpad(tile.base_row / models::elements_per_word(tile.format)), {{tile.lines(), 0, 1}});
  }
  Gather gather(low, source, window, tile);
  for (std::size_t p = 0; p < parts.size(); ++p) {
    for (const WindowClass& cy : ys[p]) {
      for (const WindowClass& cx : xs) gather.positions(raw[p], cy, cx, parts[p].channels);
    }
  }
}

std::int64_t gather_stage_lines(const Image& source, const Axes& window, const GatheredTile& tile,
                                isa::Format format) {
  const std::int64_t rows = cuts_kernel(window, tile.y, tile.channels)
                                ? rows_seen(window.y, window.x, tile.y, tile.channels)
                                : window.y.extent(tile.y, window.y.kernel);
  const std::int64_t raw =
      tile.batch_groups * rows * window.x.extent(tile.x, window.x.kernel) * align_channels(source.c);
  return models::lines_of_rows(source.format, raw) +
         (source.format != format ? models::lines_of_rows(format, raw) : 0);
}

}  // namespace anzan::compiler
