// Where the elements of a tensor stand in memory: see layout.hpp.
#include "compiler/graph/layout.hpp"

#include <algorithm>

namespace anzan::compiler {

ChannelWindow group_window(std::int64_t channels, std::int64_t groups, std::int64_t group) {
  const std::int64_t count = channels / groups, first = group * count;
  const std::int64_t origin = first / kChannelAlignment * kChannelAlignment;
  return {origin, first - origin, count};
}

WeightLayout weight_layout(const TensorInfo& weight) {
  WeightLayout l;
  const auto [oc, ic, kh, kw] = weight.shape;
  l.groups = weight.groups;
  l.lanes = weight.lanes;
  l.out_channels = oc;
  l.in_channels = weight.gathered ? ic * kh * kw : ic * weight.groups;
  l.taps = weight.gathered ? 1 : kh * kw;
  std::int64_t in_end = 0, out_end = 0;
  for (std::int64_t g = 0; g < l.groups; ++g) {
    in_end = std::max(in_end, l.in_window(g).end());
    out_end = std::max(out_end, l.out_window(g).end());
  }
  l.in_blocks = ceil_div(in_end, l.lanes);
  l.out_pitch = align_channels(out_end);
  l.out_blocks = ceil_div(out_end, l.lanes);
  return l;
}

std::int64_t row_count(const TensorInfo& t) {
  switch (t.layout) {
    case TensorInfo::Layout::kImages:
      return t.shape[2] * t.shape[3] * ceil_div(t.shape[0], t.lanes) * t.pitch;
    case TensorInfo::Layout::kWeights:
      return weight_layout(t).rows();
    case TensorInfo::Layout::kVector: {
      std::int64_t blocks = 1;
      for (std::int64_t g = 0; g < t.groups; ++g) {
        blocks = std::max(blocks, ceil_div(group_window(t.shape[0], t.groups, g).end(), t.lanes));
      }
      return t.groups * blocks;
    }
  }
  return 0;
}

}  // namespace anzan::compiler
