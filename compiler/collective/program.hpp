// Collectives as whole programs for all cores of a system: each core's buffer lies in its HBM and goes
// through the scratchpads in segments, several of them under way at once. The programs are puts, vector
// additions and copies like any others.
//
// A buffer is one piece a core, in the order of the cores:
//   all_reduce      every core ends with the sums of all buffers, element by element
//   reduce_scatter  core c ends with the sums of piece c
//   all_gather      every core ends with piece c of core c, for all c
//   broadcast       every core ends with the buffer of core 0
//   all_to_all      core c ends with piece c of core d as its piece d, for all d
//
// Sums and all_gather go round the dimensions of the exchange, ways taking turns (sum_over_cores.hpp). A
// broadcast goes along the same dimensions as a tree of chains: core 0 and all whom it has reached send on,
// packet by packet, to the next in each later dimension. all_to_all goes from neighbour to neighbour,
// dimension by dimension and both ways round. Sums, all_gather and all_to_all can also be direct: every core
// puts every piece straight to its core, first to the next core, then to the one after it, and so on.
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "compiler/input/parameters.hpp"
#include "compiler/input/system.hpp"
#include "isa/program.hpp"

namespace anzan::compiler {

enum class CollectiveKind { kAllReduce, kReduceScatter, kAllGather, kBroadcast, kAllToAll };
inline constexpr int kCollectiveKinds = 5;
std::string_view name(CollectiveKind kind);  // "all_reduce"
std::optional<CollectiveKind> parse_collective(std::string_view name);

struct CollectiveParameters {
  CollectiveKind kind = CollectiveKind::kAllReduce;
  std::int64_t bytes = 0;                   // of the buffer of each core; rounded up to whole lines a piece
  isa::Format format = isa::Format::kFp32;  // of what is added
  int slot = 0;                             // integers: its settings, the same in every core
  bool direct = false;                      // not a broadcast: straight from core to core
  // Sums and all_gather: chunks stay in the scratchpad only while they are summed and sent on (streams.hpp),
  // where there is room and semaphores for that.
  bool streamed = false;
  std::int64_t payload_bytes = 2048;  // of a packet: messages are whole ones where they can be
  ExchangeParameters exchange;
  ChipParameters chip;
};

// How the buffer is cut and goes through the scratchpads.
struct CollectiveShape {
  std::vector<Way> ways;
  std::int64_t piece_lines = 0;    // of 4 · lanes bytes
  std::int64_t lines = 0;          // of the buffer, which lies from HBM line 0 on
  std::int64_t segments = 1;       // go the ways in turn
  std::int64_t segment_lines = 0;  // of the longest
  std::int64_t places = 1;         // that many segments are under way at once
  bool streamed = false;
  // Messages of one line that say that a place in the scratchpad is free again, where the buffer is longer
  // than all that may be under way.
  std::int64_t credits = 0;  // of all cores
};

struct CollectiveProgram : CollectiveShape {
  std::int64_t result_line = 0;  // where the result lies, in HBM: as long as the buffer
  std::int64_t hbm_lines = 0;
  bool same_in_every_core = true;  // but for addresses
  std::function<isa::Program(int core)> in_core;
};

// Lines of HBM for the buffer and, beside it, the result.
std::int64_t collective_hbm_lines(const CollectiveParameters& parameters);

// Throws InputError where a scratchpad has no room for a line of each piece, std::invalid_argument for fewer
// than two cores, less than one byte, or too many dimensions for the semaphores.
CollectiveShape collective_shape(const CollectiveParameters& parameters);
CollectiveProgram collective_program(const CollectiveParameters& parameters);

}  // namespace anzan::compiler
