// Where the elements of a tensor stand in memory: see layout.hpp.
#include "compiler/graph/layout.hpp"

#include <algorithm>

namespace anzan::compiler {

std::int64_t rows_per_line(isa::Format format) {
  switch (format) {
    case isa::Format::kInt8:
      return 4;
    case isa::Format::kInt16:
      return 2;
    case isa::Format::kFp32:
      return 1;
  }
  return 1;
}

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

TensorInfo::Place TensorInfo::place(std::int64_t index) const {
  const std::int64_t d3 = index % shape[3], d2 = index / shape[3] % shape[2];
  const std::int64_t d1 = index / (shape[3] * shape[2]) % shape[1],
                     d0 = index / (shape[3] * shape[2] * shape[1]);
  switch (layout) {
    case Layout::kImages: {
      const std::int64_t batch_groups = ceil_div(shape[0], lanes);
      return {((d2 * shape[3] + d3) * batch_groups + d0 / lanes) * pitch + d1, static_cast<int>(d0 % lanes)};
    }
    case Layout::kWeights: {
      const WeightLayout l = weight_layout(*this);
      const std::int64_t out_per_group = shape[0] / groups, g = d0 / out_per_group;
      const std::int64_t oc = d0 % out_per_group + l.out_window(g).offset;
      const std::int64_t tap = gathered ? 0 : d2 * shape[3] + d3;
      const std::int64_t ic =
          gathered ? index % (shape[1] * shape[2] * shape[3]) : d1 + l.in_window(g).offset;
      return {((g * l.in_blocks + ic / lanes) * l.taps + tap) * l.out_pitch + oc,
              static_cast<int>(ic % lanes)};
    }
    case Layout::kVector: {
      const std::int64_t per_group = shape[0] / groups, g = d0 / per_group;
      const std::int64_t c = d0 % per_group + group_window(shape[0], groups, g).offset;
      const std::int64_t blocks = row_count(*this) / groups;
      return {g * blocks + c / lanes, static_cast<int>(c % lanes)};
    }
  }
  return {0, 0};
}

}  // namespace anzan::compiler
