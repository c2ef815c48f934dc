// What max pooling keeps of a window for its gradient: which tap had the largest value, as a number from
// taps - 1, the first tap, down to 0. Small numbers share an INT8 element, `together` of them, in places of
// `bits` bits from the lowest up:
//
//   channel c   place c / 4 % together of channel c / (4 together) 4 + c % 4 of the image that is kept
//
// So a line of four channels is packed, and unpacked, as 32-bit words: four numbers at once.
#pragma once
#include <algorithm>
#include <cstdint>

#include "compiler/graph/layout.hpp"
#include "compiler/input/layers.hpp"

namespace anzan::compiler {

struct TapNumbers {
  isa::Format format = isa::Format::kInt8;
  int together = 1, bits = 8;

  // Channels of the image that holds the numbers of so many, and channels that are packed on their own.
  std::int64_t channels(std::int64_t numbered) const {
    return std::min(numbered, kChannelAlignment * ceil_div(numbered, alignment()));
  }
  std::int64_t alignment() const { return kChannelAlignment * together; }
};

// Of a layer that pools so many channels: those of a single line have nobody to share with.
inline TapNumbers tap_numbers(const Layer& pool, std::int64_t channels) {
  const std::int64_t taps = pool.y.kernel * pool.x.kernel;
  if (taps > 128) return {isa::Format::kFp32};
  const int fitting = taps <= 2 ? 8 : taps <= 4 ? 4 : taps <= 16 ? 2 : 1;
  const int together = channels <= kChannelAlignment ? 1 : fitting;
  return {isa::Format::kInt8, together, 8 / together};
}

}  // namespace anzan::compiler
