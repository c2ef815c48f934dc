// Numbers of taps in the scratchpad, packed before they are stored and unpacked after they are loaded.
#pragma once
#include "compiler/graph/tap_numbers.hpp"
#include "compiler/lowering/lowering.hpp"

namespace anzan::compiler {

class TapPacking {
 public:
  TapPacking(Lowering& low, const TapNumbers& numbers) : low_(low), numbers_(numbers) {}

  // Channels of the packed image that hold these, which begin with a whole group.
  Range packed(const Range& channels) const;
  // Between tiles of the same pixels and batch groups. The numbers' tile has so many channels, and is itself
  // changed.
  void pack(const Tile& numbers, const Tile& packed, std::int64_t channels);
  void unpack(const Tile& packed, const Tile& numbers);

 private:
  // Of each pixel of a tile: lines from the first one on.
  struct Lines {
    const Tile& tile;
    std::int64_t first = 0, step = 1;
    std::int64_t a_pixel() const { return tile.pitch / kChannelAlignment; }
    std::int64_t row() const { return tile.base_row / kChannelAlignment + first; }
  };
  Lines of_place(const Tile& numbers, int place) const { return {numbers, place, numbers_.together}; }
  std::int64_t count_of_place(const Tile& numbers, int place) const;
  std::uint32_t shift(int place) const { return static_cast<std::uint32_t>(place * numbers_.bits); }
  std::uint32_t mask() const { return 0x01010101U * ((1U << numbers_.bits) - 1); }  // of place 0

  // o := op(a, b) on so many lines a pixel, as words.
  void words(isa::VectorOp op, const Lines& o, const Lines& a, const Lines& b, std::int64_t count);
  void words(isa::VectorOp op, const Lines& o, const Lines& a, std::uint32_t b, std::int64_t count);
  void emit(isa::Vector v, const Lines& o, const Lines& a, const Lines* b, std::int64_t count);

  Lowering& low_;
  TapNumbers numbers_;
};

}  // namespace anzan::compiler
