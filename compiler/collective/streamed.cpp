// Segments go the ways in turn, in the order of a plan.
#include "compiler/collective/streamed.hpp"

#include <algorithm>
#include <map>
#include <memory>
#include <tuple>

#include "compiler/collective/plan.hpp"
#include "compiler/collective/streams.hpp"
#include "compiler/input/scratchpad.hpp"
#include "compiler/instructions/nest.hpp"
#include "compiler/instructions/ranges.hpp"
#include "models/timing.hpp"

namespace anzan::compiler {
namespace {

constexpr std::int64_t kDeepest = 8;  // segments of a way that are under way, where there is room

class Streamed {
 public:
  Streamed(const CollectiveParameters& p, const CollectiveCut& cut, std::int64_t result_line)
      : p_(p), c_(cut), result_(result_line), writer_(p), semaphores_(ArrivalSemaphores::of(cut.ways)) {}

  Listing write() {
    std::vector<SegmentPlan> plans;
    for (std::size_t s = 0; s < c_.segments.size(); ++s)
      plans.push_back({0, static_cast<int>(s), 0, tasks(s)});
    under_way_.resize(plans.size());
    for (const PlannedTask& t :
         plan_segments(plans, {static_cast<std::size_t>(c_.places)}, p_.exchange.buffer_packets))
      emit(t);
    return writer_.finish();
  }

  std::int64_t credits() {
    std::int64_t result = 0;
    for (std::size_t s = 0; s < c_.segments.size(); ++s)
      for (const PlanTask& task : *tasks(s)) result += task.credit != kNoTask ? 1 : 0;
    return c_.cores * result;
  }

 private:
  struct UnderWay {
    std::vector<SegmentPart> parts;
    std::vector<std::int32_t> numbers;  // of the instructions
    std::vector<std::int64_t> lags;
    std::size_t left = 0;
  };

  const Way& way(std::size_t s) const { return c_.ways[s % c_.ways.size()]; }
  // The plan gives the first segments places that nobody has used.
  bool fresh(std::size_t s) const { return s < static_cast<std::size_t>(c_.places); }
  std::int64_t chunk(std::size_t s) const { return c_.cores / way(s).front().size * c_.segments[s].count; }

  Stream stream(std::size_t s, std::size_t place) const {
    Stream stream;
    stream.kind = p_.kind;
    stream.way = way(s);
    stream.semaphores = &semaphores_[s % c_.ways.size()];
    stream.credit = credit_semaphore(c_.ways, way(s).front());
    stream.chunk = chunk(s);
    stream.line = static_cast<std::int64_t>(place) * c_.place_lines;
    stream.free_line = c_.places * c_.place_lines;
    stream.fresh = fresh(s);
    stream.what = {p_.format, p_.slot, p_.chip.lanes};
    stream.store_shift = result_;
    p_.kind == CollectiveKind::kAllReduce ? lay_whole(s, stream) : lay_pieces(s, stream);
    return stream;
  }

  // all_reduce sums what lies at the same place of all buffers, wherever that is.
  void lay_whole(std::size_t s, Stream& stream) const {
    stream.in_memory = [d = way(s).front(), first = c_.cores * c_.segments[s].first, lines = chunk(s)](
                           int core, std::int64_t offset) {
      return first + ring_position(d, core, offset) * lines;
    };
    stream.levels = {{chunk(s), 1, 1}};
  }

  // The pieces of all cores that have one position in the first dimension: in HBM by the number of the core,
  // here by their positions in the others.
  void lay_pieces(std::size_t s, Stream& stream) const {
    const PieceSegment& lines = c_.segments[s];
    std::int64_t first = lines.first, inner = chunk(s);
    for (auto d = way(s).begin() + 1; d != way(s).end(); ++d) {
      inner /= d->size;
      const std::int64_t stride = d->stride * c_.piece_lines;
      if (d->reversed) first += (d->size - 1) * stride;
      stream.levels.push_back({d->size, d->reversed ? -stride : stride, inner});
    }
    stream.levels.push_back({lines.count, 1, 1});
    stream.in_memory = [d = way(s).front(), first, piece = c_.piece_lines](int core, std::int64_t offset) {
      const std::int64_t at = ring_position(d, core, offset);
      return first + (d.reversed ? d.size - 1 - at : at) * d.stride * piece;
    };
    stream.own_in_memory = [first = lines.first, piece = c_.piece_lines](int core) {
      return core * piece + first;
    };
  }

  std::shared_ptr<const std::vector<PlanTask>> tasks(std::size_t s) {
    auto& known = tasks_[{s % c_.ways.size(), c_.segments[s].count, fresh(s)}];
    if (!known)
      known = std::make_shared<const std::vector<PlanTask>>(
          segment_tasks(stream_parts(stream(s, 0)), p_.exchange, c_.line_bytes));
    return known;
  }

  void emit(const PlannedTask& t) {
    UnderWay& u = under_way_[t.segment];
    if (u.parts.empty()) {
      u.parts = stream_parts(stream(t.segment, t.place));
      u.numbers.resize(u.parts.size(), -1);
      u.lags.resize(u.parts.size(), 0);
      u.left = u.parts.size();
    }
    SegmentPart& part = u.parts[t.task];
    if (part.cause != kNoTask) {
      part.exchanged.cause = u.numbers[part.cause];
      part.exchanged.lag_cycles = u.lags[part.cause];
    }
    u.lags[t.task] = t.finished - t.possible - models::estimated_cycles(part.instruction);
    u.numbers[t.task] = writer_.emit(std::move(part.instruction), std::move(part.exchanged));
    if (--u.left == 0) u = {};
  }

  const CollectiveParameters& p_;
  const CollectiveCut& c_;
  std::int64_t result_;
  CollectiveWriter writer_;
  std::vector<ArrivalSemaphores> semaphores_;
  std::vector<UnderWay> under_way_;  // of each segment
  // By way, lines, and whether the place is fresh.
  std::map<std::tuple<std::size_t, std::int64_t, bool>, std::shared_ptr<const std::vector<PlanTask>>> tasks_;
};

}  // namespace

std::optional<CollectiveCut> stream_cut(const CollectiveParameters& p, std::vector<Way> ways) {
  CollectiveCut c;
  for (Way& way : ways) way = long_only(way);
  for (const Dimension& d : ways.front()) c.cores *= d.size;
  c.line_bytes = line_bytes(p.chip);
  c.piece_lines = collective_piece_lines(p, c.cores);
  const auto turns = static_cast<std::int64_t>(ways.size()), chunks = stream_chunks(ways.front());
  std::int64_t widest = 1;  // pieces of a chunk
  for (const Way& way : ways) widest = std::max<std::int64_t>(widest, c.cores / way.front().size);
  const std::int64_t most = (scratchpad_lines(p.chip) - 1) / (chunks * widest);  // lines of a piece, in all
  if (most < turns) return {};
  const std::int64_t packet = std::max<std::int64_t>(1, p.payload_bytes / c.line_bytes);
  std::int64_t count = std::min({std::max<std::int64_t>(1, most / (kDeepest * turns)),
                                 ceil_div(c.piece_lines, kDeepest / 2 * turns), kMostIterations / widest});
  if (p.exchange.stream_bytes.value_or(0) > 0)
    count = std::min(count, std::max<std::int64_t>(1, *p.exchange.stream_bytes / c.line_bytes / c.cores));
  // messages of whole packets, where they are of several
  if (const std::int64_t unit = ceil_div(packet, widest); count > unit) count = count / unit * unit;
  if (count < 1) return {};
  for (std::int64_t first = 0; first < c.piece_lines; first += count)
    c.segments.push_back({first, std::min(count, c.piece_lines - first)});
  c.segment_lines = count * c.cores;
  c.place_lines = chunks * widest * count;
  c.places = std::clamp<std::int64_t>(most / count / turns, 1, 2 * kDeepest) * turns;
  c.ways = std::move(ways);
  return c;
}

std::int64_t stream_credits(const CollectiveParameters& p, const CollectiveCut& c) {
  return Streamed(p, c, 0).credits();
}

Listing streamed_collective(const CollectiveParameters& parameters, const CollectiveCut& cut,
                            std::int64_t result_line) {
  return Streamed(parameters, cut, result_line).write();
}

}  // namespace anzan::compiler
