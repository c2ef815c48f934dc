// Tile search of the weight gradient: which weights have their accumulators alive at once, and which part of
// the reduction stands in the scratchpad.
#pragma once
#include <cstdint>
#include <string>

#include "compiler/lowering/accumulator_bound.hpp"
#include "compiler/lowering/lowering.hpp"
#include "compiler/lowering/windows.hpp"
#include "models/number_format.hpp"

namespace anzan::compiler {

struct WeightGradientGeometry {
  Image x, dy;
  const TensorInfo* weight = nullptr;  // the gradient of the weights ...
  const TensorInfo* bias = nullptr;    // ... and of the biases, if any
  WeightLayout layout;
  Axes window;                              // the layer's own axes
  Axes kernel;                              // 1 x 1 if the input is gathered, otherwise the window
  isa::Format format = isa::Format::kFp32;  // of the arithmetic
  std::int64_t lanes = 16;
  SumExtent exact;  // pieces of the reduction that an accumulator holds; they are added in FP32
  // What comes from images before these, or goes on to images after them.
  enum class Carried { kNothing, kAccumulators, kFp32 };
  Carried carried = Carried::kNothing;
  std::int64_t exact_sums() const {
    return ceil_div(dy.batch_groups, exact.batch_groups) * ceil_div(dy.h, exact.y) * ceil_div(dy.w, exact.x);
  }
  std::int64_t spill_lines() const { return models::accumulator_lines(format, lanes); }  // one tile
};

struct WeightGradientTiling {
  std::int64_t out_blocks = 1, in_blocks = 1, ky = 1, kx = 1;  // weights whose accumulators are alive at once
  std::int64_t batch_groups = 1, y = 1, x = 1;                 // the part of the reduction in the scratchpad
};

// Scratchpad lines of each buffer.
struct WeightGradientBuffers {
  std::int64_t x_stage = 0, x_wide = 0, x = 0, dy_stage = 0, dy_wide = 0, dy = 0, gradient = 0, bias = 0,
               spill = 0;
  std::int64_t sum = 0, bias_sum = 0;  // in FP32: of the pieces so far, and as many lines for the next piece
  std::int64_t ones = 1;
  std::int64_t spills = 1;  // buffers of that kind: where accumulators are carried, two in turn
  std::int64_t total() const {
    return ones + spills * spill + bias + 2 * (sum + bias_sum) +
           2 * (x_stage + x_wide + x + dy_stage + dy_wide + dy + gradient);
  }
};
WeightGradientBuffers buffers(const WeightGradientGeometry& g, const WeightGradientTiling& t);

// The cheapest tiling that fits; throws InputError if not even the smallest does.
WeightGradientTiling search_tiling(const WeightGradientGeometry& g, const Lowering& low,
                                   const std::string& layer);

}  // namespace anzan::compiler
