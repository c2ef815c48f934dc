// Tiles of images, how they go to the scratchpad and back, and the batch groups that are walked alike.
#include "compiler/lowering/image.hpp"

namespace anzan::compiler {

Tile make_tile(Range y, Range x, Range bg, Range c, isa::Format format) {
  Tile t;
  t.y = y;
  t.x = x;
  t.bg = bg;
  t.c = c;
  t.pitch = align_channels(c.size());
  t.format = format;
  return t;
}

Tile placed(Tile tile, std::int64_t line) {
  tile.base_row = models::row_of_line(tile.format, line);
  return tile;
}

Image channels_of(Image image, std::int64_t first, std::int64_t count) {
  image.has_all_channels = image.has_all_channels && count == image.c;
  image.first_channel += first;
  image.c = count;
  return image;
}

Image flat(Image image) {
  image.w *= image.h;
  image.h = 1;
  return image;
}

isa::Operand rows(const Image& image, std::int64_t row) { return rows(image.format, image.slot, row); }

std::vector<isa::Copy> loading(const Image& image, const Tile& t) {
  // whole lines: the pad rows of the last channels come along
  const std::int64_t channels = image.pitch % kChannelAlignment == 0 ? t.pitch : t.c.size();
  return copying(image.format, in_hbm(image.row(t.y.begin, t.x.begin, t.bg.begin, t.c.begin)),
                 in_scratchpad(t.base_row),
                 {{t.y.size(), image.y_stride(), t.y_stride()},
                  {t.x.size(), image.x_stride(), t.x_stride()},
                  {t.bg.size(), image.pitch, t.bg_stride()},
                  {std::min(channels, image.pitch - image.first_channel - t.c.begin), 1, 1}});
}

std::vector<isa::Copy> storing(const Image& image, const Tile& t, const Range& channels) {
  const std::int64_t first = channels.begin, last = image.has_all_channels ? image.pitch : image.c,
                     end = channels.end == image.c ? last : channels.end;
  return copying(image.format, in_scratchpad(t.row(t.y.begin, t.x.begin, t.bg.begin, first)),
                 in_hbm(image.row(t.y.begin, t.x.begin, t.bg.begin, first)),
                 {{t.y.size(), t.y_stride(), image.y_stride()},
                  {t.x.size(), t.x_stride(), image.x_stride()},
                  {t.bg.size(), t.bg_stride(), image.pitch},
                  {end - first, 1, 1}});
}

std::vector<BatchRun> batch_runs(const Image& image, Range bg) {
  std::vector<BatchRun> runs;
  for (std::int64_t g = bg.begin; g < bg.end; ++g) {
    if (!runs.empty() && runs.back().images == image.images(g)) {
      ++runs.back().bg.end;
    } else {
      runs.push_back({{g, g + 1}, image.images(g)});
    }
  }
  return runs;
}

}  // namespace anzan::compiler
