// What an exchange of gradients takes, by formulas of latency and bandwidth (the alpha-beta model; Thakur,
// Rabenseifner and Gropp, 2005), with the ways of the network's own routing. It chooses between algorithms;
// the clocked models say what is.
#pragma once
#include <cstdint>
#include <optional>
#include <vector>

#include "compiler/input/system.hpp"
#include "models/network/chips.hpp"

namespace anzan::compiler {

// Places for segments in the part of a scratchpad that is the exchange's: each has a segment, and what
// arrives for it.
struct ExchangePlaces {
  std::int64_t lines = 0;  // of a segment, at most
  std::int64_t count = 1;  // that are under way at once
};
// The longest segment of so many cores in so many lines; a segment is copied by one instruction.
std::int64_t most_segment_lines(std::int64_t area, std::int64_t cores);
ExchangePlaces exchange_places(std::int64_t area, std::int64_t cores, std::int64_t wanted_lines,
                               bool pipelined);

struct ExchangeSizes {
  std::vector<std::int64_t> layer_bytes;  // gradients of each layer on the wire
  std::int64_t area_lines = 4096;         // of the scratchpad, the exchange's
  double clock_period_fs = 1e6;
  std::int64_t line_bytes = 64;
};

struct ExpectedExchange {
  double fs = 0;           // by which algorithms are compared
  double starting_fs = 0;  // of all messages beside that, by which lengths of segments are
  std::int64_t segment_bytes = 0;
};

// Segments go several ways in turn; each takes its rounds one after the other, all together at least the time
// of the busiest link. Long ones leave too few under way to hide latencies, since the scratchpad has no room
// for more; short ones give the network unit too many messages to start. With `segment_bytes`, or else of
// those that divide the room well the best.
ExpectedExchange expected_exchange(const ExchangeParameters& exchange, const models::ChipsNetwork& network,
                                   const models::PacketFormat& packet, const ExchangeSizes& sizes,
                                   std::optional<std::int64_t> segment_bytes);

}  // namespace anzan::compiler
