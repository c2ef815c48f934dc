// Shares are eighths of the scratchpad, and areas eighths or sevenths of what operations have.
#include "compiler/lowering/scratchpad_areas.hpp"

namespace anzan::compiler {

ScratchpadShares scratchpad_shares(std::int64_t lines, bool with_exchange, bool with_roads) {
  ScratchpadShares shares;
  const std::int64_t share = lines / 8;
  const auto reserve = [&lines, share] {
    lines -= share;
    return Range{lines, lines + share};
  };
  if (with_exchange) shares.exchange = reserve();
  if (with_roads) shares.roads = reserve();
  shares.operations = {0, lines};
  return shares;
}

// Forward there is nothing else to do; backward, gradients of weights fill the gaps of those of the inputs.
AreaLines area_lines(Area area, const ScratchpadShares& shares) {
  const bool alone = shares.exchange.size() == 0;
  const std::int64_t capacity = shares.operations.size(), parts = alone ? 8 : 7, part = capacity / parts;
  const std::int64_t beside_updates = alone ? capacity : (parts - 1) * part;
  const auto of_parts = [&](std::int64_t first, std::int64_t end, std::int64_t neighbours) {
    const std::int64_t lines = (end - first) * part;
    return AreaLines{first * part, end * part, {capacity, beside_updates, lines, lines / neighbours}};
  };
  switch (area) {
    case Area::kForward:
      return of_parts(0, parts - 1, 2);
    case Area::kBackward:
      return of_parts(0, 3, 2);
    case Area::kWeightGradient:
      return of_parts(3, parts - 1, 2);
    case Area::kUpdate:
      return of_parts(parts - 1, parts, 1);
    case Area::kExchange:
      break;
  }
  const Range& own = shares.exchange;
  return {own.begin, own.end, {own.size(), own.size(), own.size(), own.size()}};
}

}  // namespace anzan::compiler
