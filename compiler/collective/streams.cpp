// In the first dimension, chunks come from HBM when their sums arrive, go on, and, as sums, to HBM again. The
// chunk that a core completes is summed in the other dimensions in between, as sum_over_cores.hpp does.
#include "compiler/collective/streams.hpp"

#include <algorithm>

#include "compiler/collective/semaphores.hpp"
#include "compiler/collective/sum_over_cores.hpp"
#include "compiler/input/scratchpad.hpp"
#include "compiler/instructions/nest.hpp"
#include "compiler/instructions/ranges.hpp"

namespace anzan::compiler {
namespace {

// Chunks of a segment in the scratchpad: two that are loaded, summed and sent in turn; three where messages
// arrive in turn; and where arrives what the other dimensions sum.
constexpr std::int64_t kLocals = 2, kArrivals = 3, kChunks = kLocals + kArrivals + 1;
constexpr std::int64_t kDeepest = 8;     // segments of a way that are under way, at most
constexpr std::int64_t kPutsApart = 2;   // messages of a segment, in steps of the program
constexpr std::int64_t kCreditLead = 3;  // steps from what says that a place is free to the message into it

Way long_only(const Way& way) {
  Way result;
  std::copy_if(way.begin(), way.end(), std::back_inserter(result),
               [](const Dimension& d) { return d.size > 1; });
  return result;
}

class Streams {
 public:
  Streams(const CollectiveParameters& p, const CollectiveCut& cut, std::int64_t result_line)
      : p_(p), c_(cut), result_(result_line), writer_(p), semaphores_(ArrivalSemaphores::of(cut.ways)) {}

  Listing write() {
    last_put_.assign(c_.segments.size(), -1);
    for (std::size_t s = 0; s < c_.segments.size(); ++s) plan(s);
    std::stable_sort(steps_.begin(), steps_.end(), [](const Step& a, const Step& b) {
      return std::pair(a.time, a.segment) < std::pair(b.time, b.segment);
    });
    for (const Step& step : steps_) step.emit();
    return writer_.finish();
  }

 private:
  struct Step {
    std::int64_t time;
    std::size_t segment;
    std::function<void()> emit;
  };

  const Way& way(std::size_t s) const { return c_.ways[s % c_.ways.size()]; }
  const Dimension& ring(std::size_t s) const { return way(s).front(); }
  const ArrivalSemaphores& semaphores(std::size_t s) const { return semaphores_[s % c_.ways.size()]; }
  std::uint32_t credit(std::size_t s) const { return credit_semaphore(c_.ways, ring(s)); }
  std::int64_t chunk(std::size_t s) const { return c_.cores / ring(s).size * c_.segments[s].count; }
  // Messages of a segment in the first dimension: half of them with parts of sums, then those with sums.
  std::int64_t messages(std::size_t s) const { return 2 * (ring(s).size - 1); }
  // Counted over all segments that have this one's place, which go one way.
  std::int64_t number(std::size_t s, std::int64_t m) const {
    return static_cast<std::int64_t>(s) / c_.places * messages(s) + m;
  }

  std::int64_t line(std::size_t s, std::int64_t chunk_of_place) const {
    return (static_cast<std::int64_t>(s) % c_.places * kChunks + chunk_of_place) * (c_.place_lines / kChunks);
  }
  std::int64_t local(std::size_t s, std::int64_t t) const { return line(s, t % kLocals); }
  std::int64_t arrival(std::size_t s, std::int64_t m) const {
    return line(s, kLocals + number(s, m) % kArrivals);
  }
  std::int64_t own(std::size_t s) const { return local(s, ring(s).size - 1); }
  Access touching_chunk(std::size_t s, std::int64_t line, bool write) const {
    return touching(line, chunk(s), write);
  }

  // Of the chunk so many places after the core's own.
  std::function<std::int64_t(int core)> in_buffer(std::size_t s, std::int64_t offset) const {
    return [d = ring(s), first = c_.cores * c_.segments[s].first, lines = chunk(s), offset](int core) {
      const std::int64_t at = d.reversed ? d.size - 1 - d.coordinate(core) : d.coordinate(core);
      return first + (at + offset + 2 * d.size) % d.size * lines;
    };
  }

  // A message is taken one step after its put, whatever takes it, and says that its place is free again so
  // many steps before the next put into it: so all that raise a semaphore and all that take it stand in one
  // order.
  void plan(std::size_t s) {
    const std::int64_t half = messages(s) / 2;
    std::vector<Step> steps;
    const auto add = [&](std::int64_t time, std::function<void()> emit) {
      steps.push_back({time, s, std::move(emit)});
    };
    std::int64_t time = 0;
    add(-1, [=] { load(s, 0); });
    add(-1, [=] { load(s, 1); });
    for (std::int64_t m = 0; m < half; ++m, time += kPutsApart) {
      message(s, m, time, local(s, m), steps);
      if (m + 2 <= half) add(time + 1, [=] { load(s, m + 2); });
      add(time + 1, [=] { sum(s, m); });
    }
    time = other_dimensions(s, time, steps);
    add(time, [=] { store(s, own(s), 0); });
    for (std::int64_t m = half; m < 2 * half; ++m, time += kPutsApart) {
      message(s, m, time, m == half ? own(s) : arrival(s, m - 1), steps);
      add(time + 1, [=] { store(s, arrival(s, m), half - m - 1); });
    }
    const std::int64_t turn = static_cast<std::int64_t>(s), start = turn * ceil_div(time + 1, c_.places);
    for (Step& step : steps) {
      step.time += start;
      steps_.push_back(std::move(step));
    }
  }

  void message(std::size_t s, std::int64_t m, std::int64_t time, std::int64_t from,
               std::vector<Step>& steps) {
    if (number(s, m) >= kArrivals) steps.push_back({time - kCreditLead, s, [=] { give_credit(s, m); }});
    steps.push_back({time, s, [=] { put(s, m, from); }});
    steps.push_back({time + 1, s, [=] {
                       writer_.collect(semaphores(s).from(0), {touching_chunk(s, arrival(s, m), true)},
                                       last_put_[s], writer_.lag_cycles(chunk(s)));
                     }});
  }

  void put(std::size_t s, std::int64_t m, std::int64_t from) {
    Exchanged e;
    e.touches = {touching_chunk(s, from, false), touching_chunk(s, arrival(s, m), true),
                 raising(semaphores(s).from(0))};
    if (number(s, m) >= kArrivals) {
      e.arrivals = credit(s);
      e.touches.push_back(taking(e.arrivals));
    }
    e.in_core = [d = ring(s), from, to = arrival(s, m), lines = chunk(s),
                 signal = semaphores(s).from(0)](int core) {
      return isa::Instruction(putting_lines(next(d, core), from, to, lines, signal));
    };
    last_put_[s] = writer_.emit(std::move(e));
  }

  // That the place into which message m goes is free, to who sends it.
  void give_credit(std::size_t s, std::int64_t m) {
    Dimension d = ring(s);
    d.reversed = !d.reversed;
    Exchanged e;
    e.in_core = [d, free = c_.places * c_.place_lines, semaphore = credit(s)](int core) {
      return isa::Instruction(putting_lines(next(d, core), free, free, 1, semaphore));
    };
    e.touches = {touching_chunk(s, arrival(s, m), true), raising(credit(s))};
    writer_.emit(std::move(e));
  }

  // What is sent in round t, or, after the last, is the core's own.
  void load(std::size_t s, std::int64_t t) { copy(s, true, local(s, t), -t - 1); }
  void store(std::size_t s, std::int64_t line, std::int64_t offset) { copy(s, false, line, offset); }

  void copy(std::size_t s, bool loads, std::int64_t line, std::int64_t offset) {
    Exchanged e;
    e.touches = {touching_chunk(s, line, loads)};
    e.in_core = [hbm = in_buffer(s, offset), line, lines = chunk(s), loads, result = result_](int core) {
      const Location there = in_hbm(hbm(core) + (loads ? 0 : result)), here = in_scratchpad(line);
      return isa::Instruction(copying_lines(loads ? there : here, loads ? here : there, lines));
    };
    writer_.emit(std::move(e));
  }

  void sum(std::size_t s, std::int64_t m) {
    Exchanged e;
    e.touches = {touching_chunk(s, arrival(s, m), false), touching_chunk(s, local(s, m + 1), true),
                 reading_slot(p_.slot), writing_slot(p_.slot)};
    writer_.emit(adding_lines(local(s, m + 1), arrival(s, m), chunk(s), {p_.format, p_.slot, p_.chip.lanes}),
                 std::move(e));
  }

  // Returns the step after them.
  std::int64_t other_dimensions(std::size_t s, std::int64_t time, std::vector<Step>& steps) {
    const Way rest(way(s).begin() + 1, way(s).end());
    if (rest.empty()) return time;
    SumBuffer b;
    b.line = own(s);
    b.arrival_line = line(s, kChunks - 1);
    b.lines = chunk(s);
    b.format = p_.format;
    b.slot = p_.slot;
    for (Round& round : sum_over_cores(b, rest, semaphores(s).without_first(), p_.chip.lanes))
      for (Round::Part& part : round.parts)
        steps.push_back({time++, s, [this, s, part = std::move(part)] { emit(s, part); }});
    steps.push_back({time, s, [=] {
                       writer_.collect(
                           semaphores(s).complete(),
                           {touching_chunk(s, own(s), true), touching_chunk(s, line(s, kChunks - 1), true)},
                           last_put_[s], writer_.lag_cycles(chunk(s)));
                     }});
    return time + 1;
  }

  void emit(std::size_t s, const Round::Part& part) {
    Exchanged e = part.exchanged;
    if (part.follows_put) {
      e.cause = last_put_[s];
      e.lag_cycles = writer_.lag_cycles(chunk(s));
    }
    const bool is_put = std::holds_alternative<isa::Put>(part.instruction);
    const std::int32_t number = writer_.emit(part.instruction, std::move(e));
    if (is_put) last_put_[s] = number;
  }

  const CollectiveParameters& p_;
  const CollectiveCut& c_;
  std::int64_t result_;
  CollectiveWriter writer_;
  std::vector<ArrivalSemaphores> semaphores_;
  std::vector<Step> steps_;
  std::vector<std::int32_t> last_put_;  // of each segment
};

}  // namespace

std::size_t stream_semaphores(const std::vector<Way>& ways) {
  return ArrivalSemaphores::needed(ways) + senders(ways);
}

std::optional<CollectiveCut> stream_cut(const CollectiveParameters& p, std::vector<Way> ways) {
  CollectiveCut c;
  for (Way& way : ways) way = long_only(way);
  for (const Dimension& d : ways.front()) c.cores *= d.size;
  c.line_bytes = line_bytes(p.chip);
  c.piece_lines = collective_piece_lines(p, c.cores);
  const auto turns = static_cast<std::int64_t>(ways.size());
  std::int64_t widest = 1;  // pieces of a chunk
  for (const Way& way : ways) widest = std::max<std::int64_t>(widest, c.cores / way.front().size);
  const std::int64_t most = (scratchpad_lines(p.chip) - 1) / (kChunks * widest);  // lines of a piece, in all
  if (most < turns) return {};
  const std::int64_t packet = std::max<std::int64_t>(1, p.payload_bytes / c.line_bytes);
  std::int64_t count = std::min({std::max<std::int64_t>(1, most / (kDeepest * turns)),
                                 ceil_div(c.piece_lines, kDeepest / 2 * turns), kMostIterations / widest});
  // messages of whole packets, where they are of several
  if (const std::int64_t unit = ceil_div(packet, widest); count > unit) count = count / unit * unit;
  if (count < 1) return {};
  for (std::int64_t first = 0; first < c.piece_lines; first += count)
    c.segments.push_back({first, std::min(count, c.piece_lines - first)});
  c.segment_lines = count * c.cores;
  c.place_lines = kChunks * widest * count;
  c.places = std::clamp<std::int64_t>(most / count / turns, 1, 2 * kDeepest) * turns;
  c.ways = std::move(ways);
  return c;
}

std::int64_t stream_credits(const CollectiveCut& c) {
  std::int64_t result = 0;
  for (std::size_t place = 0; place < static_cast<std::size_t>(c.places); ++place) {
    const auto all = static_cast<std::int64_t>(c.segments.size()), first = static_cast<std::int64_t>(place),
               segments = first < all ? ceil_div(all - first, c.places) : 0,
               messages = segments * 2 * (c.ways[place % c.ways.size()].front().size - 1);
    result += c.cores * std::max<std::int64_t>(0, messages - kArrivals);
  }
  return result;
}

Listing streamed_sum(const CollectiveParameters& parameters, const CollectiveCut& cut,
                     std::int64_t result_line) {
  return Streams(parameters, cut, result_line).write();
}

}  // namespace anzan::compiler
