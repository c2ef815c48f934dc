// all_to_all dimension by dimension: in each ring, pieces go from neighbour to neighbour, both ways round, to
// the coordinate where they belong; then through the next dimension. Every message is between neighbours, so
// that messages never wait for each other inside the network. A piece is where it belongs when all dimensions
// are done: then coordinate by coordinate the place of a piece says where it came from, instead of where it
// goes.
#include "compiler/collective/turns.hpp"

#include <algorithm>
#include <functional>
#include <utility>

#include "compiler/collective/semaphores.hpp"
#include "compiler/collective/ways.hpp"
#include "compiler/instructions/narrow.hpp"
#include "compiler/instructions/ranges.hpp"

namespace anzan::compiler {
namespace {

// Slabs that arrive in a round and have still to go on, in all rounds.
constexpr std::int64_t slabs_in_transit(std::int64_t distance) { return distance * (distance - 1) / 2; }

// One dimension of a way: what goes round are slabs, all pieces of one coordinate.
struct RingInTurns {
  Dimension forward, backward;
  std::int64_t size, outer, run;  // a slab: `outer` runs of so many lines, size · run apart
  std::int64_t first_transit;     // line of what is under way, counted from the place
  bool last;                      // of the way
  std::int64_t slab() const { return outer * run; }
  // How far slabs go; of two opposite cores, forward.
  std::int64_t distance(bool back) const { return back ? size - 1 - size / 2 : size / 2; }
  const Dimension& direction(bool back) const { return back ? backward : forward; }
  std::int64_t coordinate(int core) const { return forward.coordinate(core); }
  // The coordinate that lies so far on in a direction, or, with a negative distance, behind.
  std::int64_t further(int core, bool back, std::int64_t distance) const {
    const std::int64_t step = direction(back).reversed ? -distance : distance;
    return (coordinate(core) + step + 2 * size) % size;
  }
  // Where slabs that arrive in a round wait, by the distance they have still to go, from 1 on.
  std::int64_t transit(bool back, std::int64_t round) const {
    std::int64_t line = first_transit + (back ? slabs_in_transit(distance(false)) * slab() : 0);
    for (std::int64_t r = 1; r < round; ++r) line += (distance(back) - r) * slab();
    return line;
  }
};

class Turns {
 public:
  Turns(const CollectiveParameters& p, const CollectiveCut& cut, std::int64_t result_line)
      : c_(cut), result_(result_line), writer_(p) {}

  Listing write() {
    for (std::size_t s = 0; s < c_.segments.size(); ++s) plan(s);
    std::stable_sort(steps_.begin(), steps_.end(),
                     [](const Step& a, const Step& b) { return a.time < b.time; });
    for (const Step& step : steps_) step.emit();
    return writer_.finish();
  }

 private:
  struct Step {
    std::int64_t time;
    std::function<void()> emit;
  };
  using Lines = std::pair<std::int64_t, std::int64_t>;    // first and stride of the runs
  static constexpr std::size_t kOuter = isa::kLoops - 2;  // the loop around that over lines

  std::vector<RingInTurns> rings(std::size_t s) const {
    std::vector<RingInTurns> result;
    const Way& way = c_.ways[s % c_.ways.size()];
    const std::int64_t all = c_.cores * c_.segments[s].count;
    std::int64_t outer = 1, transit = static_cast<std::int64_t>(long_dimensions(way) + 1) * all;
    for (const Dimension& d : way) {
      if (d.size == 1) continue;
      RingInTurns r{d, d, d.size, outer, all / (outer * d.size), transit, false};
      r.backward.reversed = !d.reversed;
      transit += (slabs_in_transit(r.distance(false)) + slabs_in_transit(r.distance(true))) * r.slab();
      outer *= d.size;
      result.push_back(r);
    }
    result.back().last = true;
    return result;
  }

  // What a put raises is taken one later, whatever takes it: so all that raise a semaphore and all that take
  // it stand in one order.
  void plan(std::size_t s) {
    const std::vector<RingInTurns> all = rings(s);
    std::vector<Step> steps{{-1, [=] { load(s); }}};
    std::int64_t time = 0;
    for (std::size_t d = 0; d < all.size(); ++d) {
      steps.push_back({time, [=, r = all[d], before = d > 0 ? arrivals(all[d - 1]) : 0] {
                         send(s, d, r, false, 1, before);
                         keep(s, d, r);
                       }});
      const std::int64_t rounds = all[d].distance(false), late = rounds - all[d].distance(true);
      for (std::int64_t round = 1; round <= rounds; ++round) {
        for (const bool back : {false, true}) {
          const std::int64_t t = back ? round - late : round;  // both directions end together
          if (t < 1 || (!back && t == 1)) continue;
          steps.push_back({time + round - 1, [=, r = all[d]] { send(s, d, r, back, t, 0); }});
        }
      }
      time += rounds;
    }
    steps.push_back({time, [=, before = arrivals(all.back())] { store(s, before); }});
    steps.push_back({time + 1, [=] { give_credit(s); }});
    const std::int64_t start = static_cast<std::int64_t>(s) * (time + 3) / c_.places;
    for (Step& step : steps) steps_.push_back({start + step.time, std::move(step.emit)});
  }

  // The end of the last dimension, which the store waits for, has semaphores of its own where there are
  // enough: then puts need not wait for stores to take theirs.
  std::uint32_t semaphore(const RingInTurns& r, bool back, bool last) const {
    return neighbour_semaphore(c_.ways, r.direction(back),
                               last && r.last ? NeighbourSignal::kLast : NeighbourSignal::kData);
  }
  std::uint32_t arrivals(const RingInTurns& r) const {  // of the last round
    return semaphore(r, false, true) | (r.distance(true) > 0 ? semaphore(r, true, true) : 0);
  }
  std::int64_t line(std::size_t s) const { return static_cast<std::int64_t>(s) % c_.places * c_.place_lines; }
  // All pieces before dimension d, or, after the last, at the end.
  std::int64_t pieces(std::size_t s, std::size_t d) const {
    return line(s) + static_cast<std::int64_t>(d) * c_.cores * c_.segments[s].count;
  }
  Access all_pieces(std::size_t s, std::size_t d, bool write) const {
    return touching(pieces(s, d), c_.cores * c_.segments[s].count, write);
  }
  bool needs_credit(std::size_t s) const {
    return s + static_cast<std::size_t>(c_.places) < c_.segments.size();
  }

  // One round in one direction. The first sends each slab on its way; later ones send on what has arrived in
  // the round before: one slab to its end, and the others in one message.
  void send(std::size_t s, std::size_t d, const RingInTurns& r, bool back, std::int64_t round,
            std::uint32_t before) {
    const std::int64_t distance = r.distance(back), from = pieces(s, d), to = pieces(s, d + 1);
    const std::uint32_t signal = semaphore(r, back, round == distance);
    const std::int64_t next_transit = line(s) + r.transit(back, round);
    const auto end = [=](int core) {  // where a slab of this core's past ends
      return Lines{to + r.further(core, back, 1 - round) * r.run, r.size * r.run};
    };
    Message m{r, back};
    m.touches = {all_pieces(s, d + 1, true), raising(signal)};
    if (round < distance) m.touches.push_back(touching(next_transit, (distance - round) * r.slab(), true));
    if (round == 1) {
      m.touches.push_back(all_pieces(s, d, true));
      for (std::int64_t k = 1; k <= distance; ++k) {
        m.signal = k == distance ? signal : 0;
        m.arrivals = k == 1 ? before : 0;
        m.from = [=](int core) { return Lines{from + r.further(core, back, k) * r.run, r.size * r.run}; };
        m.to = k == 1 ? std::function<Lines(int)>(end) : [=](int) {
          return Lines{next_transit + (k - 2) * r.slab(), r.run};
        };
        put(m);
      }
      return;
    }
    const std::int64_t transit = line(s) + r.transit(back, round - 1), rest = distance - round;
    m.touches.push_back(touching(transit, (rest + 1) * r.slab(), true));
    m.signal = rest == 0 ? signal : 0;
    m.arrivals = semaphore(r, back, false);
    m.from = [=](int) { return Lines{transit, r.run}; };
    m.to = end;
    put(m);
    if (rest == 0) return;
    m.signal = signal;
    m.arrivals = 0;
    m.runs = rest;
    m.run_lines = r.slab();
    m.from = [=](int) { return Lines{transit + r.slab(), r.slab()}; };
    m.to = [=](int) { return Lines{next_transit, r.slab()}; };
    put(m);
  }

  // Different units take what one neighbour raises: in the order in which it does.
  static void take(Exchanged& e, std::uint32_t arrivals) {
    e.arrivals |= arrivals;
    for (std::size_t n = 0; n < isa::kSemaphores; ++n)
      if ((arrivals >> n & 1U) != 0) e.touches.push_back(taking(std::uint32_t{1} << n));
  }

  // What a core sends to its neighbour: as many runs of lines as a slab has, unless it is said otherwise.
  struct Message {
    Message(const RingInTurns& ring, bool back)
        : direction(ring.direction(back)), runs(ring.outer), run_lines(ring.run) {}
    Dimension direction;
    std::int64_t runs, run_lines;
    std::uint32_t signal = 0, arrivals = 0;  // that it raises there; that it takes here
    std::vector<Access> touches;
    std::function<Lines(int core)> from, to;
  };

  void put(const Message& m) {
    Exchanged e;
    e.touches = m.touches;
    take(e, m.arrivals);
    e.in_core = [direction = m.direction, from = m.from, to = m.to, runs = m.runs, lines = m.run_lines,
                 signal = m.signal](int core) {
      isa::Put p = putting_lines(next(direction, core), from(core).first, to(core).first, lines, signal);
      p.loops[kOuter] = narrow<std::uint16_t>(runs, "iterations of a loop");
      p.src.stride[kOuter] = narrow<std::int32_t>(from(core).second, "a stride of a loop");
      p.dst.stride[kOuter] = narrow<std::int32_t>(to(core).second, "a stride of a loop");
      return isa::Instruction(p);
    };
    writer_.emit(std::move(e));
  }

  // The slab that has arrived without going anywhere.
  void keep(std::size_t s, std::size_t d, const RingInTurns& r) {
    Exchanged e;
    e.touches = {all_pieces(s, d, false), all_pieces(s, d + 1, true)};
    e.in_core = [=, from = pieces(s, d), to = pieces(s, d + 1)](int core) {
      const std::int64_t own = r.coordinate(core) * r.run;
      isa::Copy c = copying_lines(in_scratchpad(from + own), in_scratchpad(to + own), r.run);
      c.loops[kOuter] = narrow<std::uint16_t>(r.outer, "iterations of a loop");
      c.src.stride[kOuter] = c.dst.stride[kOuter] =
          narrow<std::int32_t>(r.size * r.run, "a stride of a loop");
      return isa::Instruction(c);
    };
    writer_.emit(std::move(e));
  }

  // By the number of the core in HBM, in the order of the way in the scratchpad.
  std::vector<CopyLevel> levels(std::size_t s, bool load) const {
    std::vector<CopyLevel> result;
    const auto level = [&](std::int64_t count, std::int64_t hbm, std::int64_t here) {
      result.push_back({count, load ? hbm : here, load ? here : hbm});
    };
    for (const RingInTurns& r : rings(s)) level(r.size, r.forward.stride * c_.piece_lines, r.run);
    level(c_.segments[s].count, 1, 1);
    return result;
  }

  void load(std::size_t s) {
    Exchanged e;
    e.touches = {all_pieces(s, 0, true)};
    const auto places = static_cast<std::size_t>(c_.places);
    if (s >= places && needs_credit(s - places)) {
      for (const Dimension& d : senders(s))
        take(e, neighbour_semaphore(c_.ways, d, NeighbourSignal::kCredit));
    }
    writer_.copy(in_hbm(c_.segments[s].first), in_scratchpad(pieces(s, 0)), levels(s, true), e);
  }

  void store(std::size_t s, std::uint32_t before) {
    const std::size_t last = rings(s).size();
    Exchanged e;
    e.touches = {all_pieces(s, last, true)};
    take(e, before);
    writer_.copy(in_scratchpad(pieces(s, last)), in_hbm(result_ + c_.segments[s].first), levels(s, false), e);
  }

  std::vector<Dimension> senders(std::size_t s) const {
    std::vector<Dimension> result;
    for (const RingInTurns& r : rings(s)) {
      result.push_back(r.forward);
      if (r.distance(true) > 0) result.push_back(r.backward);
    }
    return result;
  }

  void give_credit(std::size_t s) {
    if (!needs_credit(s)) return;
    for (Dimension d : senders(s)) {
      const std::uint32_t credit = neighbour_semaphore(c_.ways, d, NeighbourSignal::kCredit);
      d.reversed = !d.reversed;  // to whom it sends
      Exchanged e;
      e.touches = {touching(line(s), c_.place_lines, true), raising(credit)};
      e.in_core = [d, free = c_.places * c_.place_lines, credit](int core) {
        return isa::Instruction(putting_lines(next(d, core), free, free, 1, credit));
      };
      writer_.emit(std::move(e));
    }
  }

  const CollectiveCut& c_;
  std::int64_t result_;
  CollectiveWriter writer_;
  std::vector<Step> steps_;
};

}  // namespace

int turns_buffers(const Way& way) {
  std::int64_t result = static_cast<std::int64_t>(long_dimensions(way)) + 1;
  for (const Dimension& d : way)
    result += ceil_div(slabs_in_transit(d.size / 2) + slabs_in_transit(d.size - 1 - d.size / 2), d.size);
  return static_cast<int>(result);
}

Listing all_to_all_in_turns(const CollectiveParameters& parameters, const CollectiveCut& cut,
                            std::int64_t result_line) {
  return Turns(parameters, cut, result_line).write();
}

}  // namespace anzan::compiler
