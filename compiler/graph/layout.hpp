// Where the elements of a tensor stand in memory. All layouts count rows of L elements, so they do not
// depend on the element format; pitches are multiples of 4, so rows of every format fill whole lines.
//
//   images   row ((y W + x) BG + n / L) pitch + c, lane n % L: the batch stands in the lanes
//   weights  row ((g ICB + ic / L) T + ky KW + kx) OCP + oc, lane ic % L (oc, ic counted in group g from the
//            4-aligned channel below its first one, so that lines of activations and weights agree)
//   gathered the same with one tap and "ic" = (ic KH + ky) KW + kx
//   vector   row g OCB + oc / L, lane oc % L
#pragma once
#include <cstdint>

#include "compiler/graph/tensors.hpp"
#include "compiler/instructions/ranges.hpp"

namespace anzan::compiler {

inline constexpr std::int64_t kChannelAlignment = 4;  // elements of the narrowest format in a word

constexpr std::int64_t align_channels(std::int64_t c) { return round_up(c, kChannelAlignment); }

// Channels [first, first + count) of one group, seen from the aligned channel `origin` below them.
struct ChannelWindow {
  std::int64_t origin = 0, offset = 0, count = 0;
  std::int64_t end() const { return offset + count; }
};
ChannelWindow group_window(std::int64_t channels, std::int64_t groups, std::int64_t group);

// The shape of a stored weight tensor; `shape` is logical: OC, IC per group, KH, KW.
struct WeightLayout {
  std::int64_t groups = 1, lanes = 16;
  std::int64_t out_channels = 0, in_channels = 0;  // of the whole layer
  std::int64_t taps = 1;                           // 1 if gathered
  std::int64_t in_blocks = 1;                      // ICB, blocks of L input channels a group
  std::int64_t out_pitch = 4;                      // OCP, rows a tap
  std::int64_t out_blocks = 1;                     // OCB, blocks of L output channels a group
  std::int64_t group_rows() const { return in_blocks * taps * out_pitch; }
  std::int64_t rows() const { return groups * group_rows(); }
  ChannelWindow in_window(std::int64_t g) const { return group_window(in_channels, groups, g); }
  ChannelWindow out_window(std::int64_t g) const { return group_window(out_channels, groups, g); }
};
WeightLayout weight_layout(const TensorInfo& weight);

// Rows of the whole tensor, and those of them that are there.
std::int64_t row_count(const TensorInfo& tensor);
inline Range rows_there(const TensorInfo& t) {
  return t.part_rows > 0 ? Range{t.first_row, t.first_row + t.part_rows} : Range{0, row_count(t)};
}

}  // namespace anzan::compiler
