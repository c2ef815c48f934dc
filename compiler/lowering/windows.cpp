// Sliding windows along one axis: see windows.hpp.
#include "compiler/lowering/windows.hpp"

#include <algorithm>
#include <numeric>

namespace anzan::compiler {
namespace {

std::int64_t floor_div(std::int64_t a, std::int64_t b) { return a >= 0 ? a / b : -((-a + b - 1) / b); }

// Taps of position `p` that meet these input indices.
Range taps_within(const Axis& axis, std::int64_t p, const Range& inputs) {
  const std::int64_t first = p * axis.stride - axis.pad;  // input index of tap 0
  const std::int64_t begin = std::max<std::int64_t>(0, -floor_div(first - inputs.begin, axis.dilation));
  const std::int64_t end = std::min(axis.kernel, floor_div(inputs.end - 1 - first, axis.dilation) + 1);
  return {begin, std::max(begin, end)};
}

// The single position `p` as a class of count 1.
WindowClass at_position(const Axis& axis, std::int64_t p) {
  WindowClass c;
  c.pos = p;
  c.count = 1;
  if (!axis.transposed) {
    const Range met = taps_within(axis, p, {0, axis.input});
    c.tap = met.begin;
    c.taps = met.size();
    c.tap_step = 1;
    c.src = p * axis.stride - axis.pad + c.tap * axis.dilation;
    c.src_per_pos = axis.stride;
    c.src_per_tap = axis.dilation;
    c.pos_step = 1;
    c.counted = taps_within(axis, p, axis.counted).size();
  } else {
    // output o sees input p with tap k where o * stride = p + pad - k * dilation
    const std::int64_t common = std::gcd(axis.stride, axis.dilation);
    const std::int64_t place = p + axis.pad;
    c.tap_step = axis.stride / common;
    c.src_per_pos = 1;
    c.src_per_tap = -axis.dilation / common;
    c.pos_step = axis.stride;
    std::int64_t residue = 0;  // the least tap that could
    while (residue < c.tap_step && (place - residue * axis.dilation) % axis.stride != 0) ++residue;
    if (residue < c.tap_step) {
      const std::int64_t first = -floor_div((axis.output - 1) * axis.stride - place, axis.dilation);
      const std::int64_t last = std::min(axis.kernel - 1, place / axis.dilation);
      const std::int64_t lo = std::max<std::int64_t>(0, -floor_div(residue - first, c.tap_step));
      c.tap = residue + c.tap_step * lo;
      c.taps = std::max<std::int64_t>(0, floor_div(last - residue, c.tap_step) - lo + 1);
      c.src = (place - c.tap * axis.dilation) / axis.stride;
    }
  }
  if (c.taps == 0) c.tap = c.src = 0;  // all that see none are of one class
  return c;
}

bool continues(const WindowClass& c, const WindowClass& next) {
  return next.pos == c.pos + c.count * c.pos_step && next.tap == c.tap && next.taps == c.taps &&
         next.counted == c.counted && (c.taps == 0 || next.src == c.src + c.count * c.src_per_pos);
}

}  // namespace

std::int64_t Axis::most_taps() const {
  std::int64_t most = 0;
  for (const WindowClass& c : classes(0, positions())) most = std::max(most, c.taps);
  return most;
}

std::int64_t Axis::extent(std::int64_t positions, std::int64_t taps) const {
  const std::int64_t inputs =
      transposed ? ceil_div(positions + span(taps) - 1, stride) + 1 : (positions - 1) * stride + span(taps);
  return std::min(inputs, sources());
}

std::vector<WindowClass> Axis::classes(std::int64_t begin, std::int64_t end) const {
  std::vector<WindowClass> result;
  for (std::int64_t p = begin; p < end; ++p) {
    const WindowClass one = at_position(*this, p);
    const auto it =
        std::find_if(result.begin(), result.end(), [&](const WindowClass& c) { return continues(c, one); });
    if (it == result.end()) {
      result.push_back(one);
    } else {
      ++it->count;
    }
  }
  return result;
}

WindowClass restrict_taps(const WindowClass& c, std::int64_t tap_begin, std::int64_t tap_end) {
  WindowClass r = c;
  std::int64_t skip = 0;
  while (skip < c.taps && c.tap + skip * c.tap_step < tap_begin) ++skip;
  std::int64_t stop = skip;
  while (stop < c.taps && c.tap + stop * c.tap_step < tap_end) ++stop;
  r.tap += skip * c.tap_step;
  r.src += skip * c.src_per_tap;
  r.taps = stop - skip;
  return r;
}

Range source_range(const std::vector<WindowClass>& classes) {
  Range range;
  bool any = false;
  for (const WindowClass& c : classes) {
    if (c.taps == 0 || c.count == 0) continue;
    const std::int64_t a = c.src, b = c.src + (c.count - 1) * c.src_per_pos;
    const std::int64_t t = (c.taps - 1) * c.src_per_tap;
    const std::int64_t lo = std::min(a, b) + std::min<std::int64_t>(0, t);
    const std::int64_t hi = std::max(a, b) + std::max<std::int64_t>(0, t) + 1;
    range.begin = any ? std::min(range.begin, lo) : lo;
    range.end = any ? std::max(range.end, hi) : hi;
    any = true;
  }
  return range;
}

std::vector<TapClass> tap_classes(const Axis& axis, std::int64_t tap_begin, std::int64_t tap_end,
                                  std::int64_t out_begin, std::int64_t out_end) {
  std::vector<TapClass> result;
  for (std::int64_t tap = tap_begin; tap < tap_end; ++tap) {
    // 0 <= o * stride + first < input
    const std::int64_t first = tap * axis.dilation - axis.pad;
    const std::int64_t lo = std::max(out_begin, -floor_div(first, axis.stride));
    const std::int64_t hi = std::min(out_end, floor_div(axis.input - 1 - first, axis.stride) + 1);
    TapClass one{tap, 1, hi > lo ? lo : out_begin, std::max<std::int64_t>(0, hi - lo)};
    if (!result.empty() && result.back().out == one.out && result.back().outs == one.outs) {
      ++result.back().taps;
    } else {
      result.push_back(one);
    }
  }
  return result;
}

}  // namespace anzan::compiler
