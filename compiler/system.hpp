// Many cores that train together: how many, and how they exchange what they have computed.
#pragma once
#include <cstdint>
#include <numeric>
#include <optional>
#include <vector>

#include "isa/isa_generated.hpp"

namespace anzan::compiler {

// Cores that lie `stride` apart, `size` of them: core c has the coordinate c / stride mod size. Messages go
// to the next higher coordinate, or, reversed, to the next lower one.
struct Dimension {
  int size = 1, stride = 1;
  bool reversed = false;
};

// The core to which this one sends.
inline int next(const Dimension& d, int core) {
  const int coordinate = core / d.stride % d.size;
  return core + ((coordinate + (d.reversed ? d.size - 1 : 1)) % d.size - coordinate) * d.stride;
}

// The dimensions that a collective goes through, in this order.
using Way = std::vector<Dimension>;

struct ExchangeParameters {
  // An exchange goes through these dimensions one after the other, a ring in each: {64} is one ring, {2, 2,
  // 2, 2} is recursive halving and doubling, {8, 8} a torus, {16, 4} goes through the cores of a chip and
  // then between chips. Neighbours in the first lie `stride` apart, in each other one the product of that and
  // the sizes before; the product of all sizes is the number of cores that exchange.
  std::vector<int> dimensions{1};
  int stride = 1;
  // Segments take turns to go so many ways (all_ways of collective.hpp), that more links are busy at once.
  // The first `fixed_dimensions` come first on each.
  int ways = 1;
  int fixed_dimensions = 0;
  std::optional<isa::Format> format;  // of gradients on the wire; none: as the precision says
  std::int64_t segment_bytes = 32 * 1024;
  // Each can be switched off, so that its worth can be measured.
  bool hide_in_backward = true;  // gradients leave while other gradients are being computed
  bool hide_in_forward = true;   // the next step begins before the last weights are there
  bool pipelined = true;         // several segments are under way at once, otherwise one, the first way
  // What the scheduler expects of the network; decides nothing but the order of instructions.
  std::int64_t expected_latency_cycles = 500;
  double expected_bytes_per_cycle = 12.5;

  Way grid() const {
    Way result;
    int next = stride;
    for (const int size : dimensions) {
      result.push_back({size, next});
      next *= size;
    }
    return result;
  }
};

struct SystemParameters {
  ExchangeParameters exchange;
  int cores() const {
    return std::accumulate(exchange.dimensions.begin(), exchange.dimensions.end(), 1,
                           [](int product, int size) { return product * size; });
  }
};

}  // namespace anzan::compiler
