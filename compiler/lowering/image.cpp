// Tiles of images, and the batch groups that are walked alike.
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
