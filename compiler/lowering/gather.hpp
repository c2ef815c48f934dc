// im2col in the scratchpad, for inputs with few channels: taps stand where channels would, so that words
// and lanes are full.
#pragma once
#include "compiler/lowering/lowering.hpp"

namespace anzan::compiler {

// Fills `tile` (positions of the window's output; channel (c KH + ky) KW + kx is channel c seen through tap
// (ky, kx)) from the image. Stages the raw pixels at `stage_line`, in the image's format and, if the tile
// is wider, in the tile's.
void gather(Lowering& low, const Image& source, const Axes& window, const Tile& tile,
            std::int64_t stage_line);

}  // namespace anzan::compiler
