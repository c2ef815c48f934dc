// Operands of the weight gradient: images and gradients transposed so that words hold neighbouring images
// of one channel, and lines hold channels.
#pragma once
#include <vector>

#include "compiler/lowering/weight_gradient_tiling.hpp"

namespace anzan::compiler {

struct ReductionPart {
  Range bg, y, x;  // outputs
};

// The classes of taps [k) that meet at least one of the outputs.
std::vector<TapClass> taps_met(const Axis& axis, const Range& k, const Range& outputs);

class TransposedOperands {
 public:
  TransposedOperands(Lowering& low, const WeightGradientGeometry& g) : low_(low), g_(g) {}
  void allocate(const WeightGradientBuffers& b);
  void select(const ChannelWindow& in, const ChannelWindow& out) { in_ = in, out_ = out; }  // of the group

  // dy of the part, for blocks `ob` of output channels, as lines [block][bg][y][x][image lines] at dy_line().
  void load_gradient(const Range& ob, const ReductionPart& part);
  // The input that the taps meet, for blocks `ib` of input channels, as lines [block][bg][y][x][image lines]
  // over rows y() and columns x(), at x_line(). False if no tap meets any.
  bool load_input(const Range& ib, const Range& ky, const Range& kx, const ReductionPart& part);

  std::int64_t dy_line() const { return dy_now_; }
  std::int64_t x_line() const { return x_now_; }
  const Range& y() const { return y_; }
  const Range& x() const { return x_; }

 private:
  Tile widened(const Tile& tile, int slot, std::int64_t line);
  void transpose(const Tile& tile, const Range& blocks, std::int64_t channels_end, std::int64_t line);

  Lowering& low_;
  const WeightGradientGeometry& g_;
  ChannelWindow in_, out_;
  Range y_, x_;
  std::int64_t dy_now_ = 0, x_now_ = 0;
  std::int64_t x_stage_[2]{}, x_wide_[2]{}, x_line_[2]{}, dy_stage_[2]{}, dy_wide_[2]{}, dy_line_[2]{};
  int x_count_ = 0, dy_count_ = 0;
};

}  // namespace anzan::compiler
