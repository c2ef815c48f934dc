// The buffer is cut, then each kind of collective is written by its family.
#include "compiler/collective/program.hpp"

#include <algorithm>
#include <array>
#include <memory>
#include <stdexcept>
#include <string>

#include "compiler/collective/chains.hpp"
#include "compiler/collective/each_to_each.hpp"
#include "compiler/collective/rings.hpp"
#include "compiler/collective/semaphores.hpp"
#include "compiler/collective/streamed.hpp"
#include "compiler/collective/streams.hpp"
#include "compiler/collective/turns.hpp"
#include "compiler/collective/ways.hpp"
#include "compiler/collective/writer.hpp"
#include "compiler/input/scratchpad.hpp"

namespace anzan::compiler {
namespace {

constexpr std::array<std::string_view, kCollectiveKinds> kNames{"all_reduce", "reduce_scatter", "all_gather",
                                                                "broadcast", "all_to_all"};

bool goes_straight(const CollectiveParameters& p) { return p.direct && p.kind != CollectiveKind::kBroadcast; }

// What a segment needs of the scratchpad, in its own lengths.
int buffers(const CollectiveParameters& p) {
  if (p.kind == CollectiveKind::kAllGather || p.kind == CollectiveKind::kBroadcast) return 1;
  return p.kind == CollectiveKind::kAllToAll ? turns_buffers(p.exchange.grid()) : 2;
}

// Each segment whose place is used again is answered by everyone who receives.
std::int64_t credits(const CollectiveParameters& p, const CollectiveCut& c) {
  std::int64_t each = 0;
  if (p.kind == CollectiveKind::kBroadcast) each = c.cores - 1;
  if (p.kind == CollectiveKind::kReduceScatter || p.kind == CollectiveKind::kAllGather)
    each = c.cores * static_cast<std::int64_t>(long_dimensions(c.ways.front()));
  if (p.kind == CollectiveKind::kAllToAll) each = c.cores * static_cast<std::int64_t>(neighbours(c.ways));
  return each * std::max<std::int64_t>(0, static_cast<std::int64_t>(c.segments.size()) - c.places);
}

std::size_t semaphores_needed(const CollectiveParameters& p, const std::vector<Way>& ways,
                              bool with_credits) {
  switch (p.kind) {
    case CollectiveKind::kBroadcast:
      return ways.size() * (1 + (with_credits ? long_dimensions(ways.front()) : 0));
    case CollectiveKind::kAllToAll:
      return neighbours(ways) * (with_credits ? 2 : 1);
    case CollectiveKind::kAllReduce:
      return ArrivalSemaphores::needed(ways);
    case CollectiveKind::kReduceScatter:
    case CollectiveKind::kAllGather:
      break;
  }
  return ArrivalSemaphores::needed(ways) + (with_credits ? senders(ways) : 0);
}

// Those that leave enough semaphores for credits.
std::vector<Way> ways_of(const CollectiveParameters& p) {
  std::vector<Way> result = ways(p.exchange);
  while (result.size() > 1 && semaphores_needed(p, result, true) > RemoteSemaphores::kAll) result.pop_back();
  return result;
}

void check_semaphores(const CollectiveParameters& p, const CollectiveCut& c) {
  const std::size_t needed = semaphores_needed(p, c.ways, credits(p, c) > 0);
  if (needed > RemoteSemaphores::kAll)
    throw std::invalid_argument(std::string(name(p.kind)) + ": found " +
                                std::to_string(c.ways.front().size()) + " dimensions, which need " +
                                std::to_string(needed) + " semaphores, expected at most " +
                                std::to_string(RemoteSemaphores::kAll));
}

Listing same_in_every_core(const CollectiveParameters& p, const CollectiveCut& c) {
  if (goes_straight(p)) return each_to_each(p, c, c.lines());
  return p.kind == CollectiveKind::kAllToAll ? all_to_all_in_turns(p, c, c.lines())
                                             : ring_collective(p, c, c.lines());
}

// As streamed.hpp has it, or, where that cannot be, nothing.
std::optional<CollectiveCut> streams_of(const CollectiveParameters& p) {
  if (!p.streamed || p.kind == CollectiveKind::kBroadcast || p.kind == CollectiveKind::kAllToAll) return {};
  std::vector<Way> result = ways(p.exchange);
  while (result.size() > 1 && stream_semaphores(result) > RemoteSemaphores::kAll) result.pop_back();
  if (stream_semaphores(result) > RemoteSemaphores::kAll) return {};
  return stream_cut(p, std::move(result));
}

struct Plan {
  explicit Plan(const CollectiveParameters& p) {
    if (p.bytes < 1) throw std::invalid_argument("collective: found " + std::to_string(p.bytes) + " bytes");
    if (SystemParameters{p.exchange, {}}.cores() < 2)
      throw std::invalid_argument("collective: found one core, expected at least 2");
    if (goes_straight(p)) {
      cut = each_to_each_cut(p, ways(p.exchange));
      return;
    }
    if (const auto streams = streams_of(p)) {
      streamed = true;
      cut = *streams;
      return;
    }
    cut = compiler::cut(p, ways_of(p), buffers(p));
    check_semaphores(p, cut);
  }

  CollectiveShape shape(const CollectiveParameters& p) const {
    CollectiveShape s;
    s.ways = cut.ways;
    s.piece_lines = cut.piece_lines;
    s.lines = cut.lines();
    s.segments = static_cast<std::int64_t>(cut.segments.size());
    s.segment_lines = cut.segment_lines;
    s.places = cut.places;
    s.streamed = streamed;
    s.credits = goes_straight(p) ? 0 : streamed ? stream_credits(p, cut) : credits(p, cut);
    return s;
  }

  CollectiveCut cut;
  bool streamed = false;
};

}  // namespace

std::string_view name(CollectiveKind kind) { return kNames.at(static_cast<std::size_t>(kind)); }

std::optional<CollectiveKind> parse_collective(std::string_view name) {
  for (std::size_t k = 0; k < kNames.size(); ++k)
    if (kNames[k] == name) return static_cast<CollectiveKind>(k);
  return {};
}

std::int64_t collective_hbm_lines(const CollectiveParameters& p) {
  const std::int64_t cores = SystemParameters{p.exchange, {}}.cores(),
                     buffer = collective_piece_lines(p, cores) * cores;
  return p.kind == CollectiveKind::kBroadcast ? buffer : 2 * buffer;
}

CollectiveShape collective_shape(const CollectiveParameters& p) { return Plan(p).shape(p); }

CollectiveProgram collective_program(const CollectiveParameters& p) {
  const Plan plan(p);
  const CollectiveCut& c = plan.cut;
  CollectiveProgram program;
  static_cast<CollectiveShape&>(program) = plan.shape(p);
  program.result_line = c.lines();
  program.hbm_lines = collective_hbm_lines(p);
  if (p.kind == CollectiveKind::kBroadcast) {
    program.same_in_every_core = false;
    program.result_line = 0;
    program.in_core = [p, c](int core) { return broadcast_in_core(p, c, 0, core).program; };
    return program;
  }
  const auto listing = std::make_shared<const Listing>(plan.streamed ? streamed_collective(p, c, c.lines())
                                                                     : same_in_every_core(p, c));
  program.in_core = [listing](int core) { return listing->in_core(core); };
  return program;
}

}  // namespace anzan::compiler
