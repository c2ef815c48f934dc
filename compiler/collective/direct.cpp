// Collectives that add nothing: all_to_all straight from core to core, broadcast along chains.
#include "compiler/collective/direct.hpp"

#include <algorithm>

#include "compiler/collective/semaphores.hpp"
#include "compiler/collective/ways.hpp"
#include "compiler/instructions/ranges.hpp"

namespace anzan::compiler {
namespace {

// Coordinate by coordinate, so that all cores send equally far.
int shifted(const Way& way, int core, int distance) {
  int result = 0;
  for (const Dimension& d : way) result += (d.coordinate(core) + d.coordinate(distance)) % d.size * d.stride;
  return result;
}

// Each place has a semaphore that counts what arrives for it, from all other cores. A core sends segment r
// when it has stored segment r - lag, for which it has had a message of r - lag from everyone; whoever sent
// that had stored r - 2 lag. So all places of r - 2 lag are free, and there are no fewer places than 2 lag.
class AllToAll {
 public:
  AllToAll(const CollectiveParameters& p, const CollectiveCut& cut, std::int64_t result_line)
      : p_(p),
        c_(cut),
        result_(result_line),
        writer_(p),
        first_order_(writer_.take_orders(cut.places)),
        lag_(std::max<std::size_t>(1, static_cast<std::size_t>(cut.places) / 2)) {}

  // In an order that keeps `lag_` segments in the network; units work in order.
  Listing write() {
    const std::size_t all = c_.segments.size();
    for (std::size_t s = 0; s < std::min(all, lag_); ++s) {
      load(s);
      puts(s);
    }
    if (lag_ < all) load(lag_);
    for (std::size_t s = 0; s < all; ++s) {
      collect(s);
      store(s);
      if (s + lag_ < all) puts(s + lag_);
      if (s + lag_ + 1 < all) load(s + lag_ + 1);
    }
    return writer_.finish();
  }

 private:
  std::size_t place(std::size_t s) const { return s % static_cast<std::size_t>(c_.places); }
  std::int64_t sent_line(std::size_t s) const {
    return 2 * static_cast<std::int64_t>(place(s)) * c_.segment_lines;
  }
  std::int64_t arrival_line(std::size_t s) const { return sent_line(s) + c_.segment_lines; }
  Access sent(std::size_t s, bool write) const { return touching(sent_line(s), c_.segment_lines, write); }
  Access arrived(std::size_t s, bool write) const {
    return touching(arrival_line(s), c_.segment_lines, write);
  }
  Access stored(std::size_t s, bool write) const {
    return ordered(first_order_ + static_cast<std::int64_t>(place(s)), write);
  }

  void load(std::size_t s) {
    const PieceSegment& segment = c_.segments[s];
    Exchanged e;
    e.touches = {sent(s, true)};
    writer_.copy(in_hbm(segment.first), in_scratchpad(sent_line(s)),
                 {{c_.cores, c_.piece_lines, segment.count}, {segment.count, 1, 1}}, e);
  }

  void puts(std::size_t s) {
    const PieceSegment& segment = c_.segments[s];
    for (int t = 0; t < c_.cores; ++t) {
      Exchanged e;
      e.in_core = [t, way = c_.ways.front(), from = sent_line(s), to = arrival_line(s), n = segment.count,
                   semaphore = remote_semaphore(place(s))](int core) {
        const int receiver = shifted(way, core, t);
        if (t > 0)
          return isa::Instruction(putting_lines(receiver, from + receiver * n, to + core * n, n, semaphore));
        return isa::Instruction(
            copying_lines(in_scratchpad(from + core * n), in_scratchpad(to + core * n), n));
      };
      e.touches = {sent(s, false), arrived(s, true)};
      if (t > 0 && s >= lag_) e.touches.push_back(stored(s - lag_, false));
      last_ = writer_.emit(std::move(e));
    }
  }

  void collect(std::size_t s) {
    for (int t = 1; t < c_.cores; ++t)
      writer_.collect(remote_semaphore(place(s)), {arrived(s, true)}, last_,
                      writer_.lag_cycles(c_.segments[s].count));
  }

  void store(std::size_t s) {
    const PieceSegment& segment = c_.segments[s];
    Exchanged e;
    e.touches = {arrived(s, false), stored(s, true)};
    writer_.copy(in_scratchpad(arrival_line(s)), in_hbm(result_ + segment.first),
                 {{c_.cores, segment.count, c_.piece_lines}, {segment.count, 1, 1}}, e);
  }

  const CollectiveParameters& p_;
  const CollectiveCut& c_;
  std::int64_t result_;
  CollectiveWriter writer_;
  std::int64_t first_order_;  // one for each place
  std::size_t lag_;
  std::int32_t last_ = -1;
};

// In core c of a way: it receives from the one before it in the last dimension in which it is not first, and
// sends to the next one there and in all later dimensions.
class Broadcast {
 public:
  Broadcast(const CollectiveParameters& p, const CollectiveCut& cut, std::int64_t result_line, int core)
      : p_(p),
        c_(cut),
        result_(result_line),
        core_(core),
        writer_(p),
        message_lines_(std::max<std::int64_t>(1, p.payload_bytes / cut.line_bytes)) {
    for (const Way& way : c_.ways) roles_.push_back(role(way));
  }

  Listing write() {
    for (std::size_t s = 0; s < c_.segments.size(); ++s) plan(s);
    std::stable_sort(steps_.begin(), steps_.end(),
                     [](const Step& a, const Step& b) { return a.time < b.time; });
    for (const Step& step : steps_) emit(step);
    return writer_.finish();
  }

 private:
  enum class What { kLoad, kMessage, kStore, kCredit };
  struct Step {
    std::int64_t time;
    What what;
    std::size_t segment;
    std::int64_t first;  // line of a message
  };

  // Units work in order, so steps stand by the cycles in which they are expected, each later than what it
  // waits for in any core: nothing can wait in a circle, and packets of one way seldom wait behind those of
  // another.
  void plan(std::size_t s) {
    if (core_ == 0) steps_.push_back({time(s, 0), What::kLoad, s, 0});
    for (std::int64_t first = 0; first < size(s); first += message_lines_)
      steps_.push_back({time(s, first), What::kMessage, s, first});
    const std::int64_t end = time(s, 0) + segment_cycles();
    if (core_ != 0) steps_.push_back({end, What::kStore, s, 0});
    if (needs_credit(s)) steps_.push_back({end + segment_cycles(), What::kCredit, s, 0});
  }

  std::int64_t time(std::size_t s, std::int64_t first) const {
    const auto ways = static_cast<std::int64_t>(c_.ways.size()), turn = static_cast<std::int64_t>(s) / ways;
    // of a place that is used again: from the first put to the credit's arrival
    const std::int64_t round_trip = 2 * segment_cycles() + 2 * hop_cycles(),
                       period = std::max(segment_cycles(), ceil_div(round_trip, c_.places / ways));
    return roles_[way(s)].depth * hop_cycles() + turn * period + first / message_lines_ * message_cycles();
  }
  // On a link; from core to core, where it is read and written besides; of all messages of a segment.
  std::int64_t message_cycles() const {
    return writer_.lag_cycles(message_lines_) - p_.exchange.expected_latency_cycles;
  }
  std::int64_t hop_cycles() const { return writer_.lag_cycles(message_lines_) + 2 * message_lines_; }
  std::int64_t segment_cycles() const {
    return ceil_div(c_.segment_lines, message_lines_) * message_cycles();
  }

  void emit(const Step& step) {
    switch (step.what) {
      case What::kLoad:
        return load(step.segment);
      case What::kMessage:
        return send_on(step.segment, step.first);
      case What::kStore:
        return store(step.segment);
      case What::kCredit:
        return give_credit(step.segment);
    }
  }

  struct Child {
    int core;
    std::size_t dimension;  // counted over those of more than one core
  };
  struct Role {
    int parent = -1;
    std::size_t dimension = 0;  // from the parent
    std::int64_t depth = 0;     // messages before it is reached
    std::vector<Child> children;
  };

  static int position(const Dimension& d, int core) {
    const int coordinate = d.coordinate(core);
    return d.reversed ? (d.size - coordinate) % d.size : coordinate;
  }

  Role role(const Way& way) const {
    Role r;
    std::size_t number = 0;
    for (const Dimension& d : way) {
      if (d.size == 1) continue;
      const int at = position(d, core_);
      if (at > 0) {
        r.children.clear();
        Dimension back = d;
        back.reversed = !d.reversed;
        r.parent = next(back, core_);
        r.depth += at;
        r.dimension = number;
      }
      if (at + 1 < d.size) r.children.push_back({next(d, core_), number});
      ++number;
    }
    return r;
  }

  std::size_t way(std::size_t s) const { return s % c_.ways.size(); }
  std::uint32_t data(std::size_t s) const { return remote_semaphore(way(s)); }
  std::uint32_t credit(std::size_t s, std::size_t dimension) const {
    return remote_semaphore(c_.ways.size() + way(s) * long_dimensions(c_.ways.front()) + dimension);
  }
  bool needs_credit(std::size_t s) const {
    return s + static_cast<std::size_t>(c_.places) < c_.segments.size();
  }
  std::int64_t size(std::size_t s) const { return c_.cores * c_.segments[s].count; }
  std::int64_t line(std::size_t s) const {
    return static_cast<std::int64_t>(s) % c_.places * c_.segment_lines;
  }
  std::int64_t hbm(std::size_t s) const { return c_.cores * c_.segments[s].first; }

  void load(std::size_t s) {
    Exchanged e;
    e.touches = {touching(line(s), size(s), true)};
    copy(in_hbm(hbm(s)), in_scratchpad(line(s)), s, e);
  }

  void copy(const Location& from, const Location& to, std::size_t s, const Exchanged& e) {
    const std::int64_t n = c_.segments[s].count;
    writer_.copy(from, to, {{c_.cores, n, n}, {n, 1, 1}}, e);
  }

  void send_on(std::size_t s, std::int64_t first) {
    const Role& r = roles_[way(s)];
    const std::int64_t at = line(s) + first, n = std::min(message_lines_, size(s) - first);
    const Access message = touching(at, n, r.parent >= 0);
    if (r.children.empty()) {
      writer_.collect(data(s), {message}, -1, 0);
      return;
    }
    bool arrived = r.parent < 0;
    for (const Child& child : r.children) {
      Exchanged e;
      e.touches = {message};
      if (!arrived) e.arrivals |= data(s);
      arrived = true;
      const auto places = static_cast<std::size_t>(c_.places);
      if (first == 0 && s >= places) e.arrivals |= credit(s, child.dimension);
      writer_.emit(putting_lines(child.core, at, at, n, data(s)), std::move(e));
    }
  }

  void store(std::size_t s) {
    Exchanged e;
    e.touches = {touching(line(s), size(s), false)};
    copy(in_scratchpad(line(s)), in_hbm(result_ + hbm(s)), s, e);
  }

  void give_credit(std::size_t s) {
    const Role& r = roles_[way(s)];
    if (r.parent < 0) return;
    const std::int64_t free = c_.places * c_.segment_lines;
    Exchanged e;
    e.touches = {touching(line(s), size(s), true)};
    writer_.emit(putting_lines(r.parent, free, free, 1, credit(s, r.dimension)), std::move(e));
  }

  const CollectiveParameters& p_;
  const CollectiveCut& c_;
  std::int64_t result_;
  int core_;
  CollectiveWriter writer_;
  std::int64_t message_lines_;
  std::vector<Role> roles_;
  std::vector<Step> steps_;
};

}  // namespace

Listing all_to_all(const CollectiveParameters& parameters, const CollectiveCut& cut,
                   std::int64_t result_line) {
  return AllToAll(parameters, cut, result_line).write();
}

Listing broadcast_in_core(const CollectiveParameters& parameters, const CollectiveCut& cut,
                          std::int64_t result_line, int core) {
  return Broadcast(parameters, cut, result_line, core).write();
}

}  // namespace anzan::compiler
