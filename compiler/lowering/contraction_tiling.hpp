// Tile search of contractions whose lanes are images: how much of the result stands in the scratchpad at
// once, and how its reduction is cut.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "compiler/lowering/contraction.hpp"

namespace anzan::compiler {

// What one tile of a contraction covers, chosen by the tile search. A reduction that does not fit is cut
// into chunks in canonical order (ky, kx, channel): whole kernel rows, or taps of one row, or blocks of
// L channels of one tap.
struct ContractionTiling {
  std::int64_t row_blocks = 1;  // blocks of L destination channels
  std::int64_t batch_groups = 1, y = 1, x = 1;
  std::int64_t chunk_ky = 1, chunk_kx = 1, chunk_channels = 4;
};

struct Chunk {
  Range ky, kx, channels;
};
std::vector<Chunk> chunks(const Contraction& c, const ContractionTiling& t, std::int64_t lanes);

// Scratchpad lines of each buffer of a tiling.
struct ContractionBuffers {
  std::int64_t weight = 0, weight_stage = 0, weight_narrow = 0, bias = 0, bias_stage = 0;
  std::int64_t source = 0, source_stage = 0, destination = 0, spill = 0, zero = 0;
  // weights once; the streams (staging, source, destination) twice, so that copies overlap arithmetic
  std::int64_t total() const {
    return weight + weight_narrow + bias + bias_stage + spill + zero +
           2 * (weight_stage + source + source_stage + destination);
  }
};
ContractionBuffers buffers(const Contraction& c, const ContractionTiling& t, std::int64_t lanes);

// The cheapest tiling that fits; throws InputError if not even the smallest does.
ContractionTiling search_tiling(const Contraction& c, const Lowering& low, const std::string& place);

}  // namespace anzan::compiler
