// Where an element of a tensor stands, layout by layout (layout.hpp has the formulas).
#include "compiler/graph/tensors.hpp"

#include "compiler/graph/layout.hpp"

namespace anzan::compiler {

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
