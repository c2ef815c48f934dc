// How operations share the scratchpad.
#pragma once
#include <cstddef>
#include <cstdint>

#include "compiler/instructions/ranges.hpp"

namespace anzan::compiler {

// Which operations share a part of the scratchpad: those that wait for each other anyway. Gradients of
// weights and updates are nobody's haste; in areas of their own they do not hold up the rest.
enum class Area { kForward, kBackward, kWeightGradient, kUpdate, kExchange };
inline constexpr std::size_t kAreas = 5;

// The lines of a scratchpad: those that operations have, and those where other cores write and nothing else
// may ever be, since they can be ahead of this one by much: what an exchange sums, and what roads carry.
struct ScratchpadShares {
  Range operations, exchange, roads;
};
ScratchpadShares scratchpad_shares(std::int64_t lines, bool with_exchange, bool with_roads);

// Lines for the buffers of one operation: what exists, what leaves the updates theirs where an exchange waits
// for them, its area, and what leaves its neighbours there theirs.
struct Room {
  std::int64_t capacity = 0, beside_updates = 0, area = 0, comfortable = 0;
  // What a tile search adds to the price of an operation that keeps others from working meanwhile; the factor
  // is by trial. To hold up the exchange is the last resort.
  std::int64_t crowding(std::int64_t lines) const {
    constexpr std::int64_t kLastResort = std::int64_t{1} << 50;
    return (lines > comfortable ? 8 * (lines - comfortable) : 0) + (lines > area ? lines : 0) +
           (lines > beside_updates ? kLastResort : 0);
  }
};

// The lines in which operations of an area take turns.
struct AreaLines {
  std::int64_t begin = 0, end = 0;
  Room room;  // for one operation
};
AreaLines area_lines(Area area, const ScratchpadShares& shares);

}  // namespace anzan::compiler
