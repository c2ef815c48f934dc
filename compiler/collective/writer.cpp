// Segments are cut so that several are under way on each way, in messages of whole packets.
#include "compiler/collective/writer.hpp"

#include <algorithm>

#include "compiler/input/scratchpad.hpp"
#include "compiler/instructions/narrow.hpp"
#include "compiler/instructions/nest.hpp"
#include "compiler/instructions/operands.hpp"
#include "compiler/instructions/ranges.hpp"
#include "compiler/schedule/dependencies.hpp"
#include "compiler/schedule/semaphores.hpp"
#include "models/number_format.hpp"

namespace anzan::compiler {
namespace {

constexpr std::int64_t kUnderWay = 4;  // segments of each way
constexpr std::int64_t kFreeLines = 1;

// Whole packets, where it is more than one.
std::int64_t whole_packets(std::int64_t lines, std::int64_t packet_lines) {
  return lines > packet_lines ? round_up(lines, packet_lines) : lines;
}

std::int64_t longest(const Way& way) {
  std::int64_t result = 1;
  for (const Dimension& d : way) result = std::max<std::int64_t>(result, d.size);
  return result;
}

}  // namespace

InputError too_small(const CollectiveParameters& p, int pieces, int lines) {
  const std::int64_t all = std::int64_t{lines} * pieces + kFreeLines;
  return scratchpad_too_small(
      p.chip, scratchpad_kib(p.chip, all),
      std::to_string(lines) + " lines for each of " + std::to_string(pieces) + " cores");
}

std::int64_t collective_piece_lines(const CollectiveParameters& p, std::int64_t cores) {
  return ceil_div(ceil_div(p.bytes, line_bytes(p.chip)), cores);
}

CollectiveCut cut(const CollectiveParameters& p, std::vector<Way> ways, int buffers) {
  CollectiveCut c;
  for (const Dimension& d : ways.front()) c.cores *= d.size;
  c.line_bytes = line_bytes(p.chip);
  c.piece_lines = collective_piece_lines(p, c.cores);
  const std::int64_t room = scratchpad_lines(p.chip) - kFreeLines,
                     most = room / (buffers * c.cores);  // lines of each piece, under way in all
  if (most < 1) throw too_small(p, c.cores, buffers);
  const std::int64_t turns = std::min<std::int64_t>(static_cast<std::int64_t>(ways.size()), most);
  ways.resize(static_cast<std::size_t>(turns));
  const std::int64_t packet = std::max<std::int64_t>(1, p.payload_bytes / c.line_bytes);
  const std::int64_t wanted = std::max(p.exchange.segment_bytes / c.line_bytes / c.cores, packet);
  std::int64_t count = std::min(wanted, ceil_div(c.piece_lines, kUnderWay * turns));
  count = whole_packets(count, packet);
  if (p.kind == CollectiveKind::kAllReduce) {
    // copied in one piece, short segments cost nothing, and more of them are under way; what the first
    // dimension moves, the longest part, is several pieces
    const std::int64_t least = ceil_div(packet * longest(ways.front()), c.cores),
                       deep = most / (2 * kUnderWay * turns), step = deep >= packet ? packet : least;
    count = std::min(count, std::max(least, deep / step * step));
  }
  count = std::min({count, std::max<std::int64_t>(1, most / (2 * turns)), kMostIterations});
  for (std::int64_t first = 0; first < c.piece_lines; first += count)
    c.segments.push_back({first, std::min(count, c.piece_lines - first)});
  c.segment_lines = count * c.cores;
  c.place_lines = buffers * c.segment_lines;
  c.places = std::max<std::int64_t>(1, std::min(most / count / turns, 2 * kUnderWay)) * turns;
  c.ways = std::move(ways);
  return c;
}

std::int32_t CollectiveWriter::emit(isa::Instruction instruction, Exchanged exchanged) {
  listing_.program.push_back(std::move(instruction));
  listing_.region_of.push_back(0);
  listing_.exchanged.push_back(std::make_shared<const Exchanged>(std::move(exchanged)));
  return static_cast<std::int32_t>(listing_.program.size()) - 1;
}

std::int32_t CollectiveWriter::emit(Exchanged exchanged) {
  isa::Instruction in_core_0 = exchanged.in_core(0);
  return emit(std::move(in_core_0), std::move(exchanged));
}

std::int32_t CollectiveWriter::copy(const Location& from, const Location& to, std::vector<CopyLevel> levels,
                                    const Exchanged& exchanged) {
  if (levels.size() > isa::kLoops) {
    const CopyLevel outer = levels.front();
    levels.erase(levels.begin());
    std::int32_t last = -1;
    Exchanged e = exchanged;
    for (std::int64_t i = 0; i < outer.count; ++i, e.arrivals = 0)
      last = copy({from.space, from.first + i * outer.src}, {to.space, to.first + i * outer.dst}, levels, e);
    return last;
  }
  return emit(copying_levels(from, to, levels), exchanged);
}

std::int32_t CollectiveWriter::collect(std::uint32_t semaphore, std::vector<Access> touches,
                                       std::int32_t cause, std::int64_t lag_cycles) {
  isa::Settle settle;
  settle.slot = narrow<std::uint16_t>(p_.slot, "a slot");
  Exchanged e;
  e.touches = std::move(touches);
  e.touches.push_back(taking(semaphore));
  e.arrivals = semaphore;
  e.cause = cause;
  e.lag_cycles = lag_cycles;
  return emit(settle, std::move(e));
}

std::int64_t CollectiveWriter::lag_cycles(std::int64_t lines) const {
  return p_.exchange.arrival_cycles(lines * line_bytes(p_.chip));
}

Listing CollectiveWriter::finish() {
  listing_.program.emplace_back(isa::End{});
  listing_.region_of.push_back(0);
  add_semaphores(listing_, dependencies(listing_, p_.chip.lanes));
  return std::move(listing_);
}

}  // namespace anzan::compiler
