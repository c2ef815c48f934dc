// im2col in the scratchpad, for inputs with few channels: taps stand where channels would, so that words
// and lanes are full.
#pragma once
#include "compiler/lowering/lowering.hpp"

namespace anzan::compiler {

// Fills `tile` (positions of the window's output; channel (c KH + ky) KW + kx is channel c seen through tap
// (ky, kx)) from the image. Stages the raw pixels at `stage_line`, in the image's format and, if the tile
// is wider, in the tile's.
// Of kernels larger than the tile's channels, only the pixels that these see; of windows that meet only
// padding, none.
void gather(Lowering& low, const Image& source, const Axes& window, const Tile& tile,
            std::int64_t stage_line);

// Lines that it stages at most for a tile of so many positions, batch groups and channels.
struct GatheredTile {
  std::int64_t y, x, batch_groups, channels;
};
std::int64_t gather_stage_lines(const Image& source, const Axes& window, const GatheredTile& tile,
                                isa::Format format);

}  // namespace anzan::compiler
