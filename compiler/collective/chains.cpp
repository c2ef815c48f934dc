// Broadcast along chains.
#include "compiler/collective/chains.hpp"

#include <algorithm>

#include "compiler/collective/semaphores.hpp"
#include "compiler/collective/ways.hpp"
#include "compiler/instructions/ranges.hpp"

namespace anzan::compiler {
namespace {

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

Listing broadcast_in_core(const CollectiveParameters& parameters, const CollectiveCut& cut,
                          std::int64_t result_line, int core) {
  return Broadcast(parameters, cut, result_line, core).write();
}

}  // namespace anzan::compiler
