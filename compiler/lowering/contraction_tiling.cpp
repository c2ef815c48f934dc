// All tilings that keep the canonical order are priced by the lines that they move.
#include "compiler/lowering/contraction_tiling.hpp"

#include <algorithm>
#include <limits>

#include "compiler/instructions/nest.hpp"
#include "compiler/lowering/gather.hpp"
#include "models/number_format.hpp"

namespace anzan::compiler {
namespace {

std::int64_t lines(std::int64_t rows, isa::Format f) { return models::lines_of_rows(f, rows); }

std::int64_t channels_at_once(const Contraction& c, const ContractionTiling& t, std::int64_t lanes) {
  // blocks of channels are counted from the aligned origin, as in the stored weights
  const std::int64_t channel_end = align_channels(c.reduce.end());
  return t.chunk_channels >= channel_end ? channel_end : round_up(t.chunk_channels, lanes);
}

// How many chunks() there are.
std::int64_t chunk_count(const Contraction& c, const ContractionTiling& t, std::int64_t lanes) {
  return ceil_div(c.y.kernel, t.chunk_ky) * ceil_div(c.x.kernel, t.chunk_kx) *
         ceil_div(align_channels(c.reduce.end()), channels_at_once(c, t, lanes));
}

// Lines moved between HBM and scratchpad, plus a fixed price for each instruction; `classes`: of windows in a
// tile.
std::int64_t cost(const Contraction& c, const ContractionTiling& t, std::int64_t lanes,
                  const ContractionBuffers& b, std::int64_t classes) {
  constexpr std::int64_t kInstructionPrice = 30;
  const std::int64_t row_chunks = ceil_div(ceil_div(c.rows.end(), lanes), t.row_blocks);
  const std::int64_t tiles = ceil_div(c.destination.batch_groups, t.batch_groups) *
                             ceil_div(c.y.positions(), t.y) * ceil_div(c.x.positions(), t.x);
  const std::int64_t reduction = chunk_count(c, t, lanes);
  const std::int64_t weight_loads = row_chunks * (reduction == 1 ? 1 : tiles * reduction);
  const std::int64_t tile_loads = row_chunks * tiles * reduction;
  // weights stand there once: loading the next ones waits for the work with those before
  const std::int64_t exposed =
      (weight_loads - 1) * b.weight * (c.transposed ? models::elements_per_word(c.format) : 1);
  const std::int64_t fill = b.source + b.destination;  // the first tile's load and the last one's store
  return weight_loads * (b.weight + kInstructionPrice) + exposed + fill +
         tile_loads * (b.source + kInstructionPrice * t.row_blocks * classes) +
         row_chunks * tiles * b.destination;
}

// A tile's extent along an axis, with the classes of windows in it.
struct ExtentClasses {
  std::int64_t extent, classes;
};
std::vector<ExtentClasses> extents(const Axis& axis) {
  std::vector<ExtentClasses> all;
  for (const std::int64_t extent : halvings(axis.positions()))
    all.push_back({extent, static_cast<std::int64_t>(axis.classes(0, extent).size())});
  return all;
}

}  // namespace

std::vector<Chunk> chunks(const Contraction& c, const ContractionTiling& t, std::int64_t lanes) {
  const std::int64_t step = channels_at_once(c, t, lanes);
  std::vector<Chunk> result;
  for (const Range& ky : pieces(c.y.kernel, t.chunk_ky)) {
    for (const Range& kx : pieces(c.x.kernel, t.chunk_kx)) {
      for (const Range& ch : pieces(align_channels(c.reduce.end()), step)) result.push_back({ky, kx, ch});
    }
  }
  return result;
}

ContractionBuffers buffers(const Contraction& c, const ContractionTiling& t, std::int64_t lanes) {
  ContractionBuffers b;
  const std::int64_t channels = std::min(align_channels(c.reduce.end()), round_up(t.chunk_channels, lanes));
  const std::int64_t taps = t.chunk_ky * t.chunk_kx;
  const std::int64_t pixels = t.batch_groups * c.y.extent(t.y, t.chunk_ky) * c.x.extent(t.x, t.chunk_kx);
  const isa::Format stored = c.weight->format;
  b.weight = t.row_blocks * taps * lines(channels, c.format);
  if (c.transposed) {
    b.weight_stage = t.row_blocks * taps * lines(lanes, c.format);
    if (stored != c.format) b.weight_narrow = t.row_blocks * taps * lines(lanes, stored);
  } else if (stored != c.format) {
    b.weight_narrow = t.row_blocks * taps * lines(channels, stored);
  }
  if (c.bias != nullptr) {
    b.bias = t.row_blocks;
    if (c.bias->format != models::kBiasFormat) b.bias_stage = lines(t.row_blocks, c.bias->format) + 1;
  }
  b.source = lines(pixels * align_channels(channels), c.format);
  if (c.gathered) {
    b.source_stage = gather_stage_lines(c.source, c.window, {t.y, t.x, t.batch_groups, channels}, c.format);
  } else if (c.source.format != c.format) {
    b.source_stage = lines(pixels * align_channels(channels), c.source.format);
  }
  const std::int64_t positions = t.batch_groups * t.y * t.x;
  const std::int64_t rows = std::min(t.row_blocks * lanes, align_channels(c.rows.end()));
  b.destination = lines(positions * rows, c.destination.format);
  if (c.biases_alone) b.zero = 1;
  if (chunk_count(c, t, lanes) > 1)
    b.spill = models::accumulator_lines(c.format, positions * t.row_blocks * lanes);
  return b;
}

ContractionTiling search_tiling(const Contraction& c, const Lowering& low, const std::string& place) {
  const std::int64_t lanes = low.lanes();
  std::vector<ContractionTiling> reductions;  // the ways to cut the reduction, coarsest first
  const std::int64_t all_channels = align_channels(c.reduce.end());
  for (std::int64_t ky : halvings(c.y.kernel))
    reductions.push_back({1, 1, 1, 1, ky, c.x.kernel, all_channels});
  for (std::int64_t kx : halvings(c.x.kernel)) reductions.push_back({1, 1, 1, 1, 1, kx, all_channels});
  for (std::int64_t blocks : halvings(ceil_div(all_channels, lanes))) {
    reductions.push_back({1, 1, 1, 1, 1, 1, blocks * lanes});
  }
  ContractionTiling best;
  std::int64_t best_cost = std::numeric_limits<std::int64_t>::max(), least = best_cost;
  const auto consider = [&](const ContractionTiling& t, std::int64_t classes) {
    if (lines(t.chunk_channels, c.format) > kMostIterations) return;  // sums cannot be cut any other way
    const ContractionBuffers b = buffers(c, t, lanes);
    least = std::min(least, b.total());
    if (b.total() > low.capacity()) return;
    const std::int64_t price = cost(c, t, lanes, b, classes) + low.room().crowding(b.total());
    if (price >= best_cost) return;
    best_cost = price;
    best = t;
  };
  const std::vector<ExtentClasses> heights = extents(c.y), widths = extents(c.x);
  for (const ContractionTiling& r : reductions) {
    for (std::int64_t rows : halvings(ceil_div(c.rows.end(), lanes))) {
      for (std::int64_t bg : doublings(c.destination.batch_groups)) {
        for (const auto& [y, y_classes] : heights) {
          for (const auto& [x, x_classes] : widths) {
            if (x == c.x.positions() || y == 1)
              consider({rows, bg, y, x, r.chunk_ky, r.chunk_kx, r.chunk_channels}, y_classes * x_classes);
          }
        }
      }
    }
  }
  if (best_cost == std::numeric_limits<std::int64_t>::max())
    throw low.too_small(least, "the smallest tile of " + place);
  return best;
}

}  // namespace anzan::compiler
