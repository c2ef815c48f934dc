// Lanes are images. Pieces of a batch group's pixels are folded, and the folds added up, in one order that no
// tiling changes; then blocks of channels by lanes are transposed, and the lanes are added up, too.
#include "compiler/lowering/channel_sums.hpp"

#include <algorithm>
#include <limits>
#include <optional>
#include <string>

#include "models/number_format.hpp"

namespace anzan::compiler {
namespace {

constexpr std::int64_t kPiece = 32;  // pixels that are folded at once

class ChannelSums {
 public:
  ChannelSums(Lowering& low, int a, int b, const std::vector<int>& sums)
      : low_(low), same_(a == b), a_(flat(low.image(a))), b_(flat(low.image(b))), sums_(sums) {}

  void run() {
    part_ = search();
    low_.take_scratchpad(lines(part_));
    for (int i = 0; i < part_.buffers; ++i) {
      a_line_[i] = low_.allocate(models::lines_of_rows(a_.format, part_.rows()));
      b_line_[i] = same_ ? a_line_[i] : low_.allocate(models::lines_of_rows(b_.format, part_.rows()));
    }
    so_far_ = low_.allocate(2 * plane());
    block_ = low_.allocate(part_.channels < lanes() ? 2 * lanes() : 0);
    transposed_ = low_.allocate(2 * images());
    result_ = low_.allocate(2);
    for (const Range& c : pieces(align_channels(a_.c), part_.channels)) {
      const Range channels{c.begin, std::min(c.end, a_.c)};
      for (const Range& p : pieces(a_.w, part_.pixels))
        for (const Range& bg : pieces(a_.batch_groups, part_.batch_groups)) tile(p, bg, c, channels);
      finish(channels);
    }
  }

 private:
  // What a tile covers: several pieces only of all batch groups.
  struct Part {
    std::int64_t pixels = 0, batch_groups = 0, channels = 0;
    int buffers = 2;
    std::int64_t rows() const { return pixels * batch_groups * channels; }
  };

  std::int64_t lanes() const { return low_.lanes(); }
  std::int64_t images() const { return a_.images(0); }  // lanes that hold any
  // Rows of the sums of a, and then of a b: those so far, and those of the pieces of a tile's batch groups.
  std::int64_t plane() const { return (1 + part_.batch_groups) * part_.channels; }

  std::int64_t lines(const Part& part) const {
    std::int64_t tile = models::lines_of_rows(a_.format, part.rows());
    if (!same_) tile += models::lines_of_rows(b_.format, part.rows());
    return part.buffers * tile + 2 * (1 + part.batch_groups) * part.channels +
           (part.channels < lanes() ? 2 * lanes() : 0) + 2 * images() + 2;
  }

  // The largest of which two fit beside its neighbours; else whatever fits.
  Part search() const {
    std::int64_t least = std::numeric_limits<std::int64_t>::max();
    // smaller tiles cost more in instructions than the neighbours gain
    constexpr std::int64_t kLeast = 512;
    const std::int64_t usual = std::max(low_.room().comfortable, std::min(kLeast, low_.capacity()));
    for (const std::int64_t room : {usual, low_.capacity()}) {
      for (const int buffers : {2, 1}) {
        if (const std::optional<Part> part = search(room, buffers, least)) return *part;
      }
    }
    throw low_.too_small(least, "the smallest tile of sums over " + a_.tensor->name);
  }

  std::optional<Part> search(std::int64_t room, int buffers, std::int64_t& least) const {
    for (const std::int64_t channels : channel_sizes()) {
      for (const std::int64_t bg : halvings(a_.batch_groups)) {
        for (const std::int64_t count : halvings(ceil_div(a_.w, kPiece))) {
          if (count > 1 && bg != a_.batch_groups) continue;
          const Part part{std::min(a_.w, count * kPiece), bg, channels, buffers};
          least = std::min(least, lines(part));
          if (lines(part) <= room) return part;
        }
      }
    }
    return std::nullopt;
  }

  // Blocks of L channels, or parts of one that fill it.
  std::vector<std::int64_t> channel_sizes() const {
    std::vector<std::int64_t> sizes;
    const std::int64_t all = align_channels(a_.c);
    for (const std::int64_t blocks : halvings(ceil_div(all, lanes())))
      sizes.push_back(std::min(all, blocks * lanes()));
    for (std::int64_t size = lanes() / 2; size >= kChannelAlignment; size /= 2)
      if (size < all) sizes.push_back(size);
    return sizes;
  }

  void tile(const Range& pixels, const Range& bg, const Range& c, const Range& channels) {
    const int which = tile_++ % part_.buffers;
    const auto loaded = [&](const Image& image, std::int64_t line) {
      const Tile tile = placed(make_tile({0, 1}, pixels, bg, c, image.format), line);
      low_.load(image, tile);
      return tile;
    };
    const Tile a = loaded(a_, a_line_[which]), b = same_ ? a : loaded(b_, b_line_[which]);
    for (const Range& piece : pieces(pixels.size(), kPiece)) {
      const Range p{pixels.begin + piece.begin, pixels.begin + piece.end};
      for (const BatchRun& run : batch_runs(a_, bg)) {
        fold(a, b, p, run, channels);
        add_up(p, bg, run, channels);
      }
    }
  }

  // Of each channel and batch group of the run, over the pixels.
  void fold(const Tile& a, const Tile& b, const Range& p, const BatchRun& run, const Range& channels) {
    const auto first = [&](const Image& image, const Tile& t) {
      return rows(image, t.row(0, p.begin, run.bg.begin, channels.begin));
    };
    for (std::int64_t q = 0; q < 2; ++q) {
      isa::Vector v = adding(run.images);
      v.op = q == 0 ? isa::VectorOp::kCopy : isa::VectorOp::kMul;
      v.a = first(a_, a);
      if (q == 1) v.b = first(b_, b);
      v.o = at(so_far_ + q * plane() + (1 + run.bg.begin - a.bg.begin) * part_.channels);
      low_.emit(v, Nest()
                       .loop(run.bg.size(), {a.bg_stride(), q * b.bg_stride(), 0, part_.channels})
                       .loop(channels.size(), {1, q, 0, 1})
                       .fold(p.size(), {a.x_stride(), q * b.x_stride()}));
    }
  }

  // What has been folded to the sums so far. The first piece begins them.
  void add_up(const Range& p, const Range& bg, const BatchRun& run, const Range& channels) {
    const bool begins = p.begin == 0 && run.bg.begin == 0;
    // those of earlier runs have been added
    const std::int64_t folded = so_far_ + (1 + run.bg.begin - bg.begin) * part_.channels;
    isa::Vector v = adding(run.images);
    const auto emit = [&](std::int64_t from, std::int64_t count, std::int64_t to) {
      v.a = rows(isa::Format::kFp32, kConstantSlot, from);
      v.o = at(to);
      low_.emit(v, Nest()
                       .loop(2, {plane(), 0, 0, plane()})
                       .loop(channels.size(), {1, 0, 0, 1})
                       .fold(count, {part_.channels}));
    };
    if (begins) return emit(folded, run.bg.size(), so_far_);
    // the row before the first of them carries the sum so far
    if (folded != so_far_ + part_.channels) emit(so_far_, 1, folded - part_.channels);
    emit(folded - part_.channels, 1 + run.bg.size(), so_far_);
  }

  isa::Vector adding(std::int64_t used) const {
    isa::Vector v;
    v.reduction = isa::Reduction::kAdd;
    v.mask = lane_mask(0, used);
    writes_to(v, isa::Format::kFp32, kConstantSlot);
    return v;
  }

  // All pieces of the channels are in: their lanes, block by block.
  void finish(const Range& channels) {
    if (part_.channels >= lanes()) {
      for (const Range& block : pieces(channels.size(), lanes()))
        add_lanes(so_far_ + block.begin, plane(), channels.begin + block.begin, block.size());
      return;
    }
    const std::int64_t place = channels.begin % lanes(), first = channels.begin - place;
    low_.copy(isa::Format::kFp32, in_scratchpad(so_far_), in_scratchpad(block_ + place),
              {{2, plane(), lanes()}, {channels.size(), 1, 1}});
    if (channels.end % lanes() == 0 || channels.end == a_.c)
      add_lanes(block_, lanes(), first, channels.end - first);
  }

  // Of `count` channels from the first of a block on, whose sums stand from `row` on, those of a b `step`
  // rows behind those of a. Lanes without a channel become zero.
  void add_lanes(std::int64_t row, std::int64_t step, std::int64_t channel, std::int64_t count) {
    isa::Transpose t = transposing(isa::Format::kFp32, count, images(), images());
    t.src = at(row);
    t.dst = at(transposed_);
    low_.emit(t, Nest().loop(2, {step, images()}));
    isa::Vector v = adding(lanes());
    v.a = rows(isa::Format::kFp32, kConstantSlot, transposed_);
    v.o = at(result_);
    low_.emit(v, Nest().loop(2, {images(), 0, 0, 1}).fold(images(), {1}));
    for (std::size_t q = 0; q < 2; ++q) {
      low_.copy(isa::Format::kFp32, in_scratchpad(result_ + static_cast<std::int64_t>(q)),
                in_hbm(low_.base_row(low_.graph().tensor(sums_[q])) + channel / lanes()), {{1, 1, 1}});
    }
  }

  Lowering& low_;
  bool same_;
  Image a_, b_;
  const std::vector<int>& sums_;
  Part part_;
  std::int64_t a_line_[2] = {}, b_line_[2] = {};
  std::int64_t so_far_ = 0, block_ = 0, transposed_ = 0, result_ = 0;  // FP32 rows
  int tile_ = 0;
};

}  // namespace

void lower_channel_sums(Lowering& low, int a, int b, const std::vector<int>& sums) {
  ChannelSums(low, a, b, sums).run();
}
void lower_channel_sums(Lowering& low, const Op& op) {
  lower_channel_sums(low, op.inputs[0], op.inputs[1], op.outputs);
}

}  // namespace anzan::compiler
