// Tensors of images in HBM, rectangular parts of them in the scratchpad, and how both are walked.
#pragma once
#include <algorithm>
#include <cstdint>
#include <vector>

#include "compiler/graph/layout.hpp"
#include "compiler/instructions/moves.hpp"
#include "compiler/instructions/operands.hpp"
#include "compiler/lowering/windows.hpp"
#include "models/number_format.hpp"

namespace anzan::compiler {

// A tensor of images as the lowerings see it: those batch groups of it that the operation works on, which
// count from 0 in everything below.
struct Image {
  const TensorInfo* tensor = nullptr;
  std::int64_t n = 0, c = 0, h = 0, w = 0, pitch = 0, lanes = 0, base_row = 0;  // n: images of the tensor
  std::int64_t first_group = 0, batch_groups = 0, groups_there = 0;             // the last: in memory
  std::int64_t first_channel = 0;  // of the tensor's; below, channels count from it
  bool has_all_channels = true;
  std::int64_t channels_of_all = 0;  // of the cores that share its channels, together
  isa::Format format = isa::Format::kFp32;
  int slot = 0;
  std::int64_t x_stride() const { return groups_there * pitch; }
  std::int64_t y_stride() const { return w * x_stride(); }
  std::int64_t row(std::int64_t y, std::int64_t x, std::int64_t bg, std::int64_t channel) const {
    return base_row + y * y_stride() + x * x_stride() + (first_group + bg) * pitch + first_channel + channel;
  }
  // index of lane 0 in the logical tensor of all cores, for the first of them
  std::int64_t index(std::int64_t y, std::int64_t x, std::int64_t bg, std::int64_t channel) const {
    return (((first_group + bg) * lanes * channels_of_all + first_channel + channel) * h + y) * w + x;
  }
  std::int64_t image_size() const { return channels_of_all * h * w; }  // in that tensor
  // images in batch group bg
  std::int64_t images(std::int64_t bg) const { return std::min(lanes, n - (first_group + bg) * lanes); }
};

// A rectangular part of an image tensor in the scratchpad: rows ((y nx + x) nbg + bg) pitch + c.
struct Tile {
  Range y, x, bg, c;       // c.begin is a multiple of the channel alignment
  std::int64_t pitch = 0;  // rows a pixel
  isa::Format format = isa::Format::kFp32;
  std::int64_t base_row = 0;
  std::int64_t rows() const { return y.size() * x.size() * bg.size() * pitch; }
  std::int64_t lines() const { return ceil_div(rows(), models::elements_per_word(format)); }
  std::int64_t bg_stride() const { return pitch; }
  std::int64_t x_stride() const { return bg.size() * pitch; }
  std::int64_t y_stride() const { return x.size() * x_stride(); }
  std::int64_t row(std::int64_t py, std::int64_t px, std::int64_t pbg, std::int64_t pc) const {
    return base_row + (py - y.begin) * y_stride() + (px - x.begin) * x_stride() + (pbg - bg.begin) * pitch +
           pc - c.begin;
  }
};
Tile make_tile(Range y, Range x, Range bg, Range c, isa::Format format);
Tile placed(Tile tile, std::int64_t line);  // the tile from this line of the scratchpad on

// Some of the channels as an image of their own.
Image channels_of(Image image, std::int64_t first, std::int64_t count);

// The image with its pixels as one axis, x.
Image flat(Image image);

// Of the vector unit: rows of a tensor's format and slot, from `row` of the scratchpad on.
isa::Operand rows(const Image& image, std::int64_t row);

// Copies of a tile from HBM and, of its channels `channels`, back; the tile has the image's format. Pad rows
// after the tensor's last channel may come along; when loading, other channels too.
std::vector<isa::Copy> loading(const Image& image, const Tile& tile);
std::vector<isa::Copy> storing(const Image& image, const Tile& tile, const Range& channels);

// Runs of batch groups of `tile_bg` that have the same number of images: (bg range, images).
struct BatchRun {
  Range bg;
  std::int64_t images;
};
std::vector<BatchRun> batch_runs(const Image& image, Range bg);

}  // namespace anzan::compiler
