// Contractions whose lanes are images: convolution forward and the gradient of its input. Both walk
// window classes over a source tensor, multiply with one weight matrix a tap, and write a destination
// tensor; they differ in the axes (forward or transposed) and in which channels the weights reduce.
#pragma once
#include <vector>

#include "compiler/lowering/gather.hpp"
#include "compiler/lowering/lowering.hpp"

namespace anzan::compiler {

struct Contraction {
  Image source, destination;
  ChannelWindow reduce, rows;  // channels of source that are summed, channels of destination
  Axis y, x;
  bool gathered = false;  // source channels are (c, ky, kx) of the network's input (im2col)
  Axes window;            // then: the window that was gathered

  const TensorInfo* weight = nullptr;
  WeightLayout layout;
  std::int64_t group = 0;
  bool transposed = false;  // rows are the output channels: stored blocks are transposed on the way
  const TensorInfo* bias = nullptr;
  bool relu = false;
  isa::Format format = isa::Format::kFp32;  // of the arithmetic: the wider of source and weight
};

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
  std::int64_t source = 0, source_stage = 0, destination = 0, spill = 0;
  // weights once; the streams (staging, source, destination) twice, so that copies overlap arithmetic
  std::int64_t total() const {
    return weight + weight_narrow + bias + bias_stage + spill +
           2 * (weight_stage + source + source_stage + destination);
  }
};
ContractionBuffers buffers(const Contraction& c, const ContractionTiling& t, std::int64_t lanes);

// The cheapest tiling that fits; throws InputError if not even the smallest does.
ContractionTiling search_tiling(const Contraction& c, std::int64_t lanes, const Room& room,
                                const std::string& place);

void lower_contraction(Lowering& low, const Contraction& c, const std::string& place);

}  // namespace anzan::compiler
