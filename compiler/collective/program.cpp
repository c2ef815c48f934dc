// Picks the writer of a collective's kind, and checks first what it needs: scratchpad, semaphores, credits.
#include "compiler/collective/program.hpp"

#include <algorithm>
#include <array>
#include <memory>
#include <stdexcept>
#include <string>

#include "compiler/collective/writer.hpp"
#include "compiler/input/input_error.hpp"

namespace anzan::compiler {
namespace {

constexpr std::array<std::string_view, kCollectiveKinds> kNames{"all_reduce", "reduce_scatter", "all_gather",
                                                                "broadcast", "all_to_all"};

// What a segment needs of the scratchpad, in its own lengths.
int buffers(const CollectiveParameters& p) {
  if (p.kind == CollectiveKind::kAllGather || p.kind == CollectiveKind::kBroadcast) return 1;
  return p.kind == CollectiveKind::kAllToAll && !p.direct ? turns_buffers(p.exchange.grid()) : 2;
}

// Each segment whose place is used again is answered by everyone who receives.
std::int64_t credits(const CollectiveParameters& p, const CollectiveCut& c) {
  std::int64_t each = 0;
  if (p.kind == CollectiveKind::kBroadcast) each = c.cores - 1;
  if (p.kind == CollectiveKind::kReduceScatter || p.kind == CollectiveKind::kAllGather)
    each = c.cores * static_cast<std::int64_t>(long_dimensions(c.ways.front()));
  if (p.kind == CollectiveKind::kAllToAll && !p.direct)
    each = c.cores * static_cast<std::int64_t>(neighbours(c.ways));
  return each * std::max<std::int64_t>(0, static_cast<std::int64_t>(c.segments.size()) - c.places);
}

void check_semaphores(const CollectiveParameters& p, const CollectiveCut& c) {
  const std::size_t needed = semaphores_needed(p, c.ways, credits(p, c) > 0);
  if (needed > ArrivalSemaphores::kSemaphores)
    throw std::invalid_argument(std::string(name(p.kind)) + ": found " +
                                std::to_string(c.ways.front().size()) + " dimensions, which need " +
                                std::to_string(needed) + " semaphores, expected at most " +
                                std::to_string(ArrivalSemaphores::kSemaphores));
}

Listing same_in_every_core(const CollectiveParameters& p, const CollectiveCut& c) {
  if (p.kind != CollectiveKind::kAllToAll) return ring_collective(p, c, c.lines());
  return p.direct ? all_to_all(p, c, c.lines()) : all_to_all_in_turns(p, c, c.lines());
}

}  // namespace

std::string_view name(CollectiveKind kind) { return kNames.at(static_cast<std::size_t>(kind)); }

std::optional<CollectiveKind> parse_collective(std::string_view name) {
  for (std::size_t k = 0; k < kNames.size(); ++k)
    if (kNames[k] == name) return static_cast<CollectiveKind>(k);
  return {};
}

CollectiveProgram collective_program(const CollectiveParameters& p) {
  if (p.bytes < 1) throw std::invalid_argument("collective: found " + std::to_string(p.bytes) + " bytes");
  if (SystemParameters{p.exchange, {}}.cores() < 2)
    throw std::invalid_argument("collective: found one core, expected at least 2");
  const CollectiveCut c = cut(p, ways_of(p), buffers(p), 1);
  check_semaphores(p, c);
  if (p.kind == CollectiveKind::kAllToAll && p.direct && c.places < 2 && c.segments.size() > 1)
    throw InputError("/chip/scratchpad_kib", std::to_string(p.chip.scratchpad_kib),
                     "room for four lines for each of " + std::to_string(c.cores) + " cores");
  CollectiveProgram program;
  program.ways = c.ways;
  program.piece_lines = c.piece_lines;
  program.lines = program.result_line = c.lines();
  program.hbm_lines = 2 * c.lines();
  program.credits = credits(p, c);
  if (p.kind == CollectiveKind::kBroadcast) {
    program.same_in_every_core = false;
    program.result_line = 0;
    program.hbm_lines = c.lines();
    program.in_core = [p, c](int core) { return broadcast_in_core(p, c, 0, core).program; };
    return program;
  }
  const auto listing = std::make_shared<const Listing>(same_in_every_core(p, c));
  program.in_core = [listing](int core) { return listing->in_core(core); };
  return program;
}

}  // namespace anzan::compiler
