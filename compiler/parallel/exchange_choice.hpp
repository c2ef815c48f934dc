// What an exchange of gradients takes, by formulas of latency and bandwidth (the alpha-beta model; Thakur,
// Rabenseifner and Gropp, 2005), with the ways of the network's own routing. It chooses between algorithms;
// the clocked models say what is.
#pragma once
#include <cstdint>
#include <optional>
#include <vector>

#include "compiler/graph/layout.hpp"
#include "compiler/input/system.hpp"
#include "models/network/chips.hpp"

namespace anzan::compiler {

// Places for segments in the part of a scratchpad that is the exchange's.
struct ExchangePlaces {
  // Those that are whole: each has a segment, and what arrives for it.
  std::int64_t lines = 0;  // of a segment, at most
  std::int64_t count = 1;  // that are under way at once
  // Those that stream (compiler/collective/streams.hpp).
  std::int64_t piece_lines = 0;   // of a segment for each core
  std::int64_t stream_lines = 0;  // of a place
  std::int64_t streams = 0;       // that are under way at once; 0: none do
};
// The longest segment of so many cores in so many lines; a segment is copied by one instruction.
std::int64_t most_segment_lines(std::int64_t area, std::int64_t cores);
// What streams is multiples of so many lines, that each core has whole ones and updates have whole rows of
// all formats.
std::int64_t stream_unit(std::int64_t cores);
// Segments of at least so many lines, in an area of so many.
struct ExchangeRoom {
  std::int64_t area_lines = 4096, line_bytes = 64, least_lines = kChannelAlignment;
};
ExchangePlaces exchange_places(const ExchangeParameters& exchange, const ExchangeRoom& room);

struct ExchangeSizes {
  std::vector<std::int64_t> layer_bytes;  // gradients of each layer on the wire
  std::int64_t element_bytes = 4;
  ExchangeRoom room;
  double clock_period_fs = 1e6;
};

struct ExpectedExchange {
  double fs = 0;           // by which algorithms are compared
  double starting_fs = 0;  // of all messages beside that, by which lengths of segments are
  std::int64_t segment_bytes = 0, stream_bytes = 0;
};

// Segments go several ways in turn; each takes its rounds one after the other, all together at least the time
// of the busiest link, or unit. Whole ones that are long leave too few under way to hide latencies, since the
// scratchpad has no room for more; short ones give the network unit too many messages to start. Those that
// stream need less room, but a copy for each chunk. Lengths as they are said, or else the best of those that
// divide the room well; what streams only where it is clearly faster.
ExpectedExchange expected_exchange(const ExchangeParameters& exchange, const models::ChipsNetwork& network,
                                   const models::PacketFormat& packet, const ExchangeSizes& sizes,
                                   std::optional<std::int64_t> segment_bytes,
                                   std::optional<std::int64_t> stream_bytes);

}  // namespace anzan::compiler
