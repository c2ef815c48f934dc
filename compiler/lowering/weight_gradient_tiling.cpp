// All tilings that keep the order of the reduction are priced by the lines that they move.
#include "compiler/lowering/weight_gradient_tiling.hpp"

#include <algorithm>
#include <limits>

#include "compiler/lowering/gather.hpp"
#include "models/number_format.hpp"

namespace anzan::compiler {
namespace {

using Carried = WeightGradientGeometry::Carried;

std::int64_t lines(std::int64_t rows, isa::Format f) { return models::lines_of_rows(f, rows); }

bool split(const WeightGradientGeometry& g, const WeightGradientTiling& t) {
  return t.batch_groups < g.exact.batch_groups || t.y < g.exact.y || t.x < g.exact.x;
}

std::int64_t cost(const WeightGradientGeometry& g, const WeightGradientTiling& t,
                  const WeightGradientBuffers& b) {
  constexpr std::int64_t kInstructionPrice = 30;
  const std::int64_t weight_tiles = g.layout.groups * ceil_div(g.layout.out_blocks, t.out_blocks) *
                                    ceil_div(g.layout.in_blocks, t.in_blocks) *
                                    ceil_div(g.kernel.y.kernel, t.ky) * ceil_div(g.kernel.x.kernel, t.kx);
  const std::int64_t sums = g.exact_sums();
  const std::int64_t parts = sums * ceil_div(g.exact.batch_groups, t.batch_groups) *
                             ceil_div(g.exact.y, t.y) * ceil_div(g.exact.x, t.x);
  const std::int64_t streamed =
      b.x_stage + b.dy_stage + kInstructionPrice * (4 + t.in_blocks + 2 * t.out_blocks);
  const std::int64_t carried = g.carried == Carried::kAccumulators ? b.spill
                               : g.carried == Carried::kFp32       ? b.sum
                                                                   : 0;
  return weight_tiles * (2 * carried + parts * (streamed + (split(g, t) ? 2 * b.spill : 0)) +
                         (sums - 1) * 3 * b.sum + b.gradient);
}

// Parts of the reduction that keep its order, within pieces that are summed exactly: whole batch groups, or
// rows of one, or pixels of one row.
template <class Visit>
void for_parts(const WeightGradientGeometry& g, Visit&& visit) {
  if (g.exact.y == g.dy.h && g.exact.x == g.dy.w)
    for (std::int64_t bg : halvings(g.exact.batch_groups)) visit(bg, g.dy.h, g.dy.w);
  if (g.exact.x == g.dy.w)
    for (std::int64_t y : halvings(g.exact.y)) visit(1, y, g.dy.w);
  for (std::int64_t x : halvings(g.exact.x)) visit(1, 1, x);
}

}  // namespace

WeightGradientBuffers buffers(const WeightGradientGeometry& g, const WeightGradientTiling& t) {
  WeightGradientBuffers b;
  const std::int64_t block = g.lanes;  // rows of one transposed block
  const std::int64_t in_pixels = t.batch_groups * g.kernel.y.extent(t.y, t.ky) * g.kernel.x.extent(t.x, t.kx);
  const std::int64_t out_pixels = t.batch_groups * t.y * t.x;
  // staged rows: the channels of the blocks, as stored (the last block may be short)
  const std::int64_t in_rows =
      in_pixels * std::min(t.in_blocks * g.lanes, align_channels(g.layout.in_blocks * g.lanes));
  const std::int64_t out_rows =
      out_pixels * std::min(t.out_blocks * g.lanes, align_channels(g.layout.out_pitch));
  b.x = lines(in_pixels * t.in_blocks * block, g.format);
  b.dy = lines(out_pixels * t.out_blocks * block, g.format);
  if (g.weight->gathered) {
    b.x_stage =
        gather_stage_lines(g.x, g.window, {t.y, t.x, t.batch_groups, t.in_blocks * g.lanes}, g.format);
    b.x_wide = lines(in_rows, g.format);
  } else {
    b.x_stage = lines(in_rows, g.x.format);
    if (g.x.format != g.format) b.x_wide = lines(in_rows, g.format);
  }
  b.dy_stage = lines(out_rows, g.dy.format);
  if (g.dy.format != g.format) b.dy_wide = lines(out_rows, g.format);
  const std::int64_t out_block_rows = std::min(t.out_blocks * g.lanes, g.layout.out_pitch);
  b.gradient = lines(t.in_blocks * t.ky * t.kx * out_block_rows, g.weight->format);
  if (g.bias != nullptr) b.bias = lines(t.out_blocks, g.bias->format);
  if (g.exact_sums() > 1 || g.carried == Carried::kFp32) {
    b.sum = lines(t.in_blocks * t.ky * t.kx * out_block_rows, isa::Format::kFp32);
    if (g.bias != nullptr) b.bias_sum = lines(t.out_blocks, isa::Format::kFp32);
  }
  if (g.carried == Carried::kAccumulators) b.spills = 2;
  if (split(g, t) || g.carried == Carried::kAccumulators) {
    b.spill = t.in_blocks * t.out_blocks * t.ky * t.kx * g.spill_lines();
    if (g.bias != nullptr) b.spill += t.out_blocks * g.spill_lines();
  }
  return b;
}

WeightGradientTiling search_tiling(const WeightGradientGeometry& g, const Lowering& low,
                                   const std::string& layer) {
  WeightGradientTiling tiling;
  std::int64_t best = std::numeric_limits<std::int64_t>::max(), least = best;
  const auto consider = [&](const WeightGradientTiling& t) {
    const WeightGradientBuffers b = buffers(g, t);
    least = std::min(least, b.total());
    if (b.total() > low.capacity()) return;
    const std::int64_t price = cost(g, t, b) + low.room().crowding(b.total());
    if (price < best) {
      best = price;
      tiling = t;
    }
  };
  for (std::int64_t ob : halvings(g.layout.out_blocks)) {
    for (std::int64_t ib : halvings(g.layout.in_blocks)) {
      for (std::int64_t ky : halvings(g.kernel.y.kernel)) {
        for (std::int64_t kx : halvings(g.kernel.x.kernel)) {
          if (kx != g.kernel.x.kernel && ky != 1) continue;
          for_parts(g, [&](std::int64_t bg, std::int64_t y, std::int64_t x) {
            consider({ob, ib, ky, kx, bg, y, x});
          });
        }
      }
    }
  }
  if (best == std::numeric_limits<std::int64_t>::max())
    throw low.too_small(least, "the smallest tile of the weight gradient of " + layer);
  return tiling;
}

}  // namespace anzan::compiler
