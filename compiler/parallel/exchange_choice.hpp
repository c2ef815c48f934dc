// What an exchange of gradients takes, by formulas of latency and bandwidth (the alpha-beta model; Thakur,
// Rabenseifner and Gropp, 2005), with the ways of the network's own routing. It chooses between algorithms;
// the clocked models say what is.
#pragma once
#include <cstdint>
#include <vector>

#include "compiler/input/system.hpp"
#include "models/network/chips.hpp"

namespace anzan::compiler {

struct ExchangeSizes {
  std::vector<std::int64_t> layer_bytes;  // gradients of each layer on the wire
  std::int64_t segment_bytes = 32 * 1024;
  std::int64_t places = 8;  // for segments under way
  double clock_period_fs = 1e6;
  std::int64_t line_bytes = 64;
};

// Femtoseconds. Segments go several ways in turn; each takes its rounds one after the other, and all together
// at least the time of the busiest link.
double expected_exchange_fs(const ExchangeParameters& exchange, const models::ChipsNetwork& network,
                            const models::PacketFormat& packet, const ExchangeSizes& sizes);

}  // namespace anzan::compiler
