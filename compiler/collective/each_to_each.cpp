// all_to_all sends every piece to its core. Sums send pieces likewise, and each core adds what arrives; then,
// or if there is nothing to sum, each core sends its own piece to all others.
#include "compiler/collective/each_to_each.hpp"

#include <algorithm>
#include <optional>

#include "compiler/collective/sum_over_cores.hpp"
#include "compiler/input/scratchpad.hpp"
#include "compiler/instructions/nest.hpp"
#include "compiler/instructions/ranges.hpp"

namespace anzan::compiler {
namespace {

// Coordinate by coordinate, so that all cores send equally far.
int shifted(const Way& way, int core, int distance) {
  int result = 0;
  for (const Dimension& d : way) result += (d.coordinate(core) + d.coordinate(distance)) % d.size * d.stride;
  return result;
}
int shifted_back(const Way& way, int core, int distance) {
  int result = 0;
  for (const Dimension& d : way)
    result += (d.coordinate(core) + d.size - d.coordinate(distance)) % d.size * d.stride;
  return result;
}

int buffers_of(CollectiveKind kind) { return kind == CollectiveKind::kAllGather ? 1 : 2; }

// What arrives of a segment is counted by a semaphore of its own, whoever sends it.
class EachToEach {
 public:
  EachToEach(const CollectiveParameters& p, const CollectiveCut& cut, std::int64_t result_line)
      : p_(p),
        c_(cut),
        result_(result_line),
        writer_(p),
        first_order_(writer_.take_orders(cut.places)),
        all_(cut.segments.size()),
        last_(all_, -1) {}

  Listing write() {
    p_.kind == CollectiveKind::kAllReduce ? sums_for_all() : once();
    return writer_.finish();
  }

 private:
  // A core sends segment r when it has stored segment r - lag, for which it has had a message of r - lag from
  // everyone; whoever sent that had stored r - 2 lag. So all places of r - 2 lag are free, and there are no
  // fewer places than 2 lag.
  void once() {
    const std::size_t lag = std::max<std::size_t>(1, static_cast<std::size_t>(c_.places) / 2), steps = 4;
    for (std::size_t step = 0; step <= begins(all_ - 1, lag, steps) + steps; ++step) {
      const auto each = [&](std::size_t behind, const auto& part) {
        if (const auto s = begun(step, behind, lag, steps)) part(*s);
      };
      each(4, [&](std::size_t s) { store(s); });
      each(0, [&](std::size_t s) { load(s); });
      for (int t = 0; t < c_.cores; ++t) {
        each(1, [&](std::size_t s) { put_piece(s, t, s < lag ? s : s - lag); });
        if (t == 0) continue;
        each(2, [&](std::size_t s) { collect(s, arrival_line(s), semaphore(s)); });
        if (p_.kind == CollectiveKind::kReduceScatter) each(3, [&](std::size_t s) { add(s, t); });
      }
    }
  }

  // A core sends pieces of segment r when it has stored segment r - places: it has all sums of that, so all
  // others had added everything. And it sends sums of r when it has pieces of r from all others: so they had
  // stored r - places.
  void sums_for_all() {
    const std::size_t places = static_cast<std::size_t>(c_.places), steps = 6;
    for (std::size_t step = 0; step <= begins(all_ - 1, places, steps) + steps; ++step) {
      const auto each = [&](std::size_t behind, const auto& part) {
        if (const auto s = begun(step, behind, places, steps)) part(*s);
      };
      each(6, [&](std::size_t s) { store(s); });
      each(0, [&](std::size_t s) { load(s); });
      for (int t = 1; t < c_.cores; ++t) {
        each(1, [&](std::size_t s) { put_piece(s, t, s); });
        each(2, [&](std::size_t s) { collect(s, arrival_line(s), semaphore(s)); });
        each(3, [&](std::size_t s) { add(s, t); });
        each(4, [&](std::size_t s) { put_sum(s, t); });
        each(5, [&](std::size_t s) { collect(s, sent_line(s), semaphore_of_sums(s)); });
      }
    }
  }

  // Programs are written in steps, in which each unit has work for another segment. What a step waits for,
  // all cores do in a step before. A segment is through after so many steps, and then one may begin that is
  // `turn` segments later.
  static std::size_t begins(std::size_t s, std::size_t turn, std::size_t steps) {
    return s / turn * std::max(turn, steps) + s % turn;
  }
  // The segment that has begun so many steps before.
  std::optional<std::size_t> begun(std::size_t step, std::size_t behind, std::size_t turn,
                                   std::size_t steps) const {
    const std::size_t period = std::max(turn, steps);
    if (step < behind || (step - behind) % period >= turn) return {};
    const std::size_t s = (step - behind) / period * turn + (step - behind) % period;
    return s < all_ ? std::optional(s) : std::nullopt;
  }

  bool gathers() const { return p_.kind == CollectiveKind::kAllGather; }
  std::size_t place(std::size_t s) const { return s % static_cast<std::size_t>(c_.places); }
  std::uint32_t semaphore(std::size_t s) const { return remote_semaphore(place(s)); }
  std::uint32_t semaphore_of_sums(std::size_t s) const {
    return remote_semaphore(static_cast<std::size_t>(c_.places) + place(s));
  }
  std::int64_t sent_line(std::size_t s) const {
    return buffers_of(p_.kind) * static_cast<std::int64_t>(place(s)) * c_.segment_lines;
  }
  std::int64_t arrival_line(std::size_t s) const { return sent_line(s) + (gathers() ? 0 : c_.segment_lines); }
  Access sent(std::size_t s, bool write) const { return touching(sent_line(s), c_.segment_lines, write); }
  Access arrived(std::size_t s, bool write) const {
    return touching(arrival_line(s), c_.segment_lines, write);
  }
  Access stored(std::size_t s, bool write) const {
    return ordered(first_order_ + static_cast<std::int64_t>(place(s)), write);
  }

  // The core's own piece, or all of them.
  void load(std::size_t s) {
    Exchanged e;
    e.touches = {sent(s, true)};
    if (gathers()) return copy_own(s, true, std::move(e));
    copy_all(s, true, sent_line(s), e);
  }

  void store(std::size_t s) {
    Exchanged e;
    e.touches = {sent(s, false), arrived(s, false), stored(s, true)};
    if (p_.kind == CollectiveKind::kReduceScatter) return copy_own(s, false, std::move(e));
    copy_all(s, false, p_.kind == CollectiveKind::kAllReduce ? sent_line(s) : arrival_line(s), e);
  }

  // What a core has of each piece; of sums for all, whichever lines these are.
  void copy_all(std::size_t s, bool load, std::int64_t line, const Exchanged& e) {
    const std::int64_t n = c_.segments[s].count, first = c_.segments[s].first;
    const bool whole = p_.kind == CollectiveKind::kAllReduce;
    const Location here = in_scratchpad(line),
                   there = in_hbm((load ? 0 : result_) + (whole ? c_.cores * first : first));
    const std::int64_t apart = whole ? n : c_.piece_lines;
    writer_.copy(load ? there : here, load ? here : there,
                 {{c_.cores, load ? apart : n, load ? n : apart}, {n, 1, 1}}, e);
  }

  void copy_own(std::size_t s, bool load, Exchanged e) {
    e.in_core = [load, segment = c_.segments[s], line = sent_line(s), piece = c_.piece_lines,
                 result = result_](int core) {
      const Location there = in_hbm((load ? 0 : result) + core * piece + segment.first),
                     here = in_scratchpad(line + core * segment.count);
      return isa::Instruction(copying_lines(load ? there : here, load ? here : there, segment.count));
    };
    writer_.emit(std::move(e));
  }

  // To the core `t` places on, once `after` is stored; t = 0: all_to_all copies the core's own.
  void put_piece(std::size_t s, int t, std::size_t after) {
    if (t == 0 && p_.kind != CollectiveKind::kAllToAll) return;
    Exchanged e;
    e.in_core = [t, way = c_.ways.front(), from = sent_line(s), to = arrival_line(s), own = gathers(),
                 n = c_.segments[s].count, signal = semaphore(s)](int core) {
      const int receiver = shifted(way, core, t);
      if (t > 0)
        return isa::Instruction(
            putting_lines(receiver, from + (own ? core : receiver) * n, to + core * n, n, signal));
      return isa::Instruction(copying_lines(in_scratchpad(from + core * n), in_scratchpad(to + core * n), n));
    };
    e.touches = {sent(s, false)};
    if (t > 0) e.touches.push_back(arrived(s, true));  // the copy is stored by the same unit
    if (t > 0 && after != s) e.touches.push_back(stored(after, false));
    last_[s] = writer_.emit(std::move(e));
  }

  void put_sum(std::size_t s, int t) {
    Exchanged e;
    e.in_core = [t, way = c_.ways.front(), line = sent_line(s), n = c_.segments[s].count,
                 signal = semaphore_of_sums(s)](int core) {
      return isa::Instruction(
          putting_lines(shifted(way, core, t), line + core * n, line + core * n, n, signal));
    };
    e.touches = {sent(s, true)};
    last_[s] = writer_.emit(std::move(e));
  }

  void collect(std::size_t s, std::int64_t line, std::uint32_t semaphore) {
    writer_.collect(semaphore, {touching(line, c_.segment_lines, true)}, last_[s],
                    writer_.lag_cycles(c_.segments[s].count));
  }

  // What has come from the core `t` places behind, to the core's own piece.
  void add(std::size_t s, int t) {
    Exchanged e;
    e.in_core = [t, way = c_.ways.front(), line = sent_line(s), arrival = arrival_line(s),
                 n = c_.segments[s].count, what = Summed{p_.format, p_.slot, p_.chip.lanes}](int core) {
      return isa::Instruction(
          adding_lines(line + core * n, arrival + shifted_back(way, core, t) * n, n, what));
    };
    e.touches = {sent(s, true), arrived(s, false), reading_slot(p_.slot), writing_slot(p_.slot)};
    writer_.emit(std::move(e));
  }

  const CollectiveParameters& p_;
  const CollectiveCut& c_;
  std::int64_t result_;
  CollectiveWriter writer_;
  std::int64_t first_order_;        // one for each place
  std::size_t all_;                 // segments
  std::vector<std::int32_t> last_;  // put of each
};

}  // namespace

CollectiveCut each_to_each_cut(const CollectiveParameters& p, std::vector<Way> ways) {
  const bool both = p.kind == CollectiveKind::kAllReduce;
  constexpr std::int64_t kSegments = 32;  // if there are fewer, too little of them is done at once
  CollectiveCut c;
  for (const Dimension& d : ways.front()) c.cores *= d.size;
  c.ways = {std::move(ways.front())};
  c.line_bytes = line_bytes(p.chip);
  c.piece_lines = collective_piece_lines(p, c.cores);
  const int buffers = buffers_of(p.kind);
  const std::int64_t places = both ? RemoteSemaphores::kAll / 2 : 8,
                     most = (scratchpad_lines(p.chip) - 1) / (buffers * c.cores);  // of a piece, in all
  if (most < 1) throw too_small(p, c.cores, buffers);
  const std::int64_t packet = std::max<std::int64_t>(1, p.payload_bytes / c.line_bytes);
  std::int64_t count = std::min({std::max<std::int64_t>(1, most / places),
                                 std::max(packet, ceil_div(c.piece_lines, kSegments)), kMostIterations});
  if (count > packet) count = count / packet * packet;
  count = std::min(count, c.piece_lines);
  for (std::int64_t first = 0; first < c.piece_lines; first += count)
    c.segments.push_back({first, std::min(count, c.piece_lines - first)});
  c.segment_lines = count * c.cores;
  c.place_lines = buffers * c.segment_lines;
  c.places = std::min(most / count, places);
  if (!both && c.places < 2 && c.segments.size() > 1) throw too_small(p, c.cores, 2 * buffers);
  return c;
}

Listing each_to_each(const CollectiveParameters& parameters, const CollectiveCut& cut,
                     std::int64_t result_line) {
  return EachToEach(parameters, cut, result_line).write();
}

}  // namespace anzan::compiler
