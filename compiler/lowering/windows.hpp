// Sliding windows along one axis, cut into classes of positions that see the same taps. Taps that would
// only meet padding are left out, so no zero ever has to be stored around a tensor.
#pragma once
#include <cstdint>
#include <vector>

#include "compiler/instructions/ranges.hpp"

namespace anzan::compiler {

// Positions pos + i * pos_step (0 <= i < count) each see the taps tap + k * tap_step (0 <= k < taps);
// tap k of position i reads source index src + i * src_per_pos + k * src_per_tap.
struct WindowClass {
  std::int64_t pos = 0, pos_step = 1, count = 0;
  std::int64_t tap = 0, tap_step = 1, taps = 0;
  std::int64_t src = 0, src_per_pos = 0, src_per_tap = 0;
  std::int64_t counted = 0;  // forward: taps in Axis::counted
};

// One axis of a convolution or pooling. Forward: positions are outputs, sources are inputs. Transposed
// (the gradient): positions are inputs, sources are the outputs whose window holds them.
struct Axis {
  std::int64_t kernel = 1, stride = 1, pad = 0, input = 1, output = 1;
  bool transposed = false;
  std::int64_t dilation = 1;
  Range counted{0, 0};  // input indices, outside of the input too, by which averages are divided
  std::int64_t positions() const { return transposed ? input : output; }
  std::int64_t sources() const { return transposed ? output : input; }
  // Input indices from the first to the last of so many neighbouring taps.
  std::int64_t span(std::int64_t taps) const { return (taps - 1) * dilation + 1; }
  // Whether some window meets padding, in front or behind.
  bool sticks_out() const { return pad > 0 || (output - 1) * stride - pad + span(kernel) > input; }
  // Most taps that a position sees.
  std::int64_t most_taps() const;
  // Most source indices that so many neighbouring positions touch with so many neighbouring taps.
  std::int64_t extent(std::int64_t positions, std::int64_t taps) const;
  // Classes of the positions in [begin, end), ascending; classes without taps are included.
  std::vector<WindowClass> classes(std::int64_t begin, std::int64_t end) const;
};

struct Axes {
  Axis y, x;
};

// The part of a class whose taps lie in [tap_begin, tap_end).
WindowClass restrict_taps(const WindowClass& c, std::int64_t tap_begin, std::int64_t tap_end);

// Source indices that the classes touch (empty if none).
Range source_range(const std::vector<WindowClass>& classes);

// The weight gradient: taps that pair the same outputs with inputs. Tap tap + k meets the outputs
// out + i (0 <= i < outs), whose inputs are (out + i) * stride + (tap + k) * dilation - pad.
struct TapClass {
  std::int64_t tap = 0, taps = 0, out = 0, outs = 0;
};
// Classes of taps [tap_begin, tap_end) against outputs [out_begin, out_end) of a forward axis; taps that
// meet nothing have outs = 0.
std::vector<TapClass> tap_classes(const Axis& axis, std::int64_t tap_begin, std::int64_t tap_end,
                                  std::int64_t out_begin, std::int64_t out_end);

}  // namespace anzan::compiler
