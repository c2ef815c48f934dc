// Terms become FP32 rows, which are folded in the order of the pixels. Pixels that do not fit the scratchpad
// are taken in pieces: the row before the terms carries the sum of the pieces so far.
#include "compiler/lowering/pixel_sums.hpp"

#include <algorithm>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "models/number_format.hpp"

namespace anzan::compiler {
namespace {

class PixelSums {
 public:
  PixelSums(Lowering& low, const Op& op) : low_(low), op_(op), target_(low.image(op.outputs[0])) {
    for (const int input : op.inputs) sources_.push_back(low.image(input));
  }

  void run() {
    const Part part = search();
    low_.take_scratchpad(lines(part));
    for (const Image& s : sources_) lines_.push_back(low_.allocate(lines_of(s, part)));
    terms_line_ = low_.allocate(lines_of_terms(part));
    target_line_ = low_.allocate(models::lines_of_rows(target_.format, part.rows()));
    for (const Range& bg : pieces(target_.batch_groups, part.batch_groups)) {
      for (const Range& c : pieces(align_channels(target_.c), part.channels)) {
        for (const Range& pixels : pieces(all_pixels(), part.pixels)) piece(pixels, bg, c);
      }
    }
  }

 private:
  // What is worked on at one time.
  struct Part {
    std::int64_t pixels = 0, batch_groups = 0, channels = 0;
    std::int64_t rows() const { return batch_groups * channels; }  // of a pixel
  };

  std::int64_t all_pixels() const { return sources_[0].h * sources_[0].w; }

  // The largest part that fits.
  Part search() const {
    std::int64_t least = std::numeric_limits<std::int64_t>::max();
    for (const std::int64_t room : {low_.room().beside_updates, low_.capacity()}) {
      if (const std::optional<Part> part = search(room, least)) return *part;
    }
    throw low_.too_small(least, "the smallest sum of pixels of " + low_.graph().layer(op_).name);
  }

  // In so many lines; `least` becomes what the smallest takes. Pixels are cut last.
  std::optional<Part> search(std::int64_t room, std::int64_t& least) const {
    for (const std::int64_t pixels : halvings(all_pixels())) {
      if (pixels >= kMostIterations) continue;  // and the row before
      for (const std::int64_t bg : halvings(target_.batch_groups)) {
        for (const std::int64_t blocks : halvings(align_channels(target_.c) / kChannelAlignment)) {
          const Part part{pixels, bg, blocks * kChannelAlignment};
          least = std::min(least, lines(part));
          if (lines(part) <= room) return part;
        }
      }
    }
    return std::nullopt;
  }

  static std::int64_t lines_of(const Image& source, const Part& part) {
    return models::lines_of_rows(source.format, part.pixels * part.rows());
  }
  static std::int64_t lines_of_terms(const Part& part) {
    return models::lines_of_rows(isa::Format::kFp32, (part.pixels + 1) * part.rows());
  }
  std::int64_t lines(const Part& part) const {
    std::int64_t result = lines_of_terms(part) + models::lines_of_rows(target_.format, part.rows());
    for (const Image& s : sources_) result += lines_of(s, part);
    return result;
  }

  void piece(const Range& pixels, const Range& bg, const Range& c) {
    const Range channels{c.begin, std::min(c.end, target_.c)};
    std::vector<Tile> tiles;
    for (std::size_t s = 0; s < sources_.size(); ++s) {
      tiles.push_back(placed(make_tile({0, 1}, pixels, bg, c, sources_[s].format), lines_[s]));
      low_.load(flat(sources_[s]), tiles[s]);
    }
    const Tile out = placed(make_tile({0, 1}, {0, 1}, bg, c, target_.format), target_line_);
    const bool last = pixels.end == all_pixels();
    for (const BatchRun& run : batch_runs(target_, bg)) {
      terms(tiles, pixels, run, channels);
      fold(out, pixels, run, channels);
    }
    if (last) low_.store(target_, out, channels);
  }

  // FP32 rows of these pixels, after the row of the sum so far.
  Tile terms_tile(const Tile& like, const Range& pixels) const {
    return placed(make_tile({0, 1}, {pixels.begin - 1, pixels.end}, like.bg, like.c, isa::Format::kFp32),
                  terms_line_);
  }
  static std::int64_t row(const Tile& t, std::int64_t pixel, const BatchRun& run) {
    return t.row(0, pixel, run.bg.begin, t.c.begin);
  }

  void terms(const std::vector<Tile>& tiles, const Range& pixels, const BatchRun& run,
             const Range& channels) {
    const Tile to = terms_tile(tiles[0], pixels);
    const bool products = tiles.size() > 1;
    isa::Vector v;
    v.op = products ? isa::VectorOp::kMul : isa::VectorOp::kCopy;
    writes_to(v, isa::Format::kFp32, kConstantSlot);
    v.mask = lane_mask(0, run.images);
    v.a = rows(sources_[0], row(tiles[0], pixels.begin, run));
    if (products) v.b = rows(sources_[1], row(tiles[1], pixels.begin, run));
    v.o = at(row(to, pixels.begin, run));
    const auto strides = [&](std::int64_t rows) { return Nest::Strides{rows, products ? rows : 0, 0, rows}; };
    low_.emit(v, Nest()
                     .loop(pixels.size(), strides(to.x_stride()))
                     .loop(run.bg.size(), strides(to.bg_stride()))
                     .loop(channels.size(), strides(1)));
  }

  // Into the target, or the row that carries the sum.
  void fold(const Tile& out, const Range& pixels, const BatchRun& run, const Range& channels) {
    const Tile from = terms_tile(out, pixels), next = terms_tile(out, {pixels.end, pixels.end});
    const bool last = pixels.end == all_pixels();
    const std::int64_t first = pixels.begin == 0 ? 0 : pixels.begin - 1;
    isa::Vector v;
    v.op = isa::VectorOp::kCopy;
    v.reduction = isa::Reduction::kAdd;
    v.mask = lane_mask(0, run.images);
    v.a = rows(isa::Format::kFp32, kConstantSlot, row(from, first, run));
    if (last) {
      low_.produces(v, target_);
      v.o = at(row(out, 0, run));
      v.x = indices(target_.index(0, 0, run.bg.begin, channels.begin), target_.image_size());
    } else {
      writes_to(v, isa::Format::kFp32, kConstantSlot);
      v.o = at(row(next, pixels.end - 1, run));
    }
    low_.emit(v, Nest()
                     .loop(run.bg.size(),
                           {from.bg_stride(), 0, 0, out.bg_stride(), target_.lanes * target_.image_size()})
                     .loop(channels.size(), {1, 0, 0, 1, target_.h * target_.w})
                     .fold(pixels.end - first, {from.x_stride()}));
  }

  Lowering& low_;
  const Op& op_;
  Image target_;
  std::vector<Image> sources_;
  std::vector<std::int64_t> lines_;  // of their tiles
  std::int64_t terms_line_ = 0, target_line_ = 0;
};

}  // namespace

void lower_pixel_sums(Lowering& low, const Op& op) { PixelSums(low, op).run(); }

}  // namespace anzan::compiler
