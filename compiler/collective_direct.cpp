// Collectives that add nothing: all_to_all straight from core to core, broadcast along chains.
#include <algorithm>

#include "compiler/collective_writer.hpp"
#include "compiler/dependencies.hpp"
#include "compiler/layout.hpp"
#include "compiler/schedule.hpp"
#include "compiler/semaphores.hpp"

namespace anzan::compiler {
namespace {

using Space = isa::Space;

constexpr std::uint32_t remote_semaphore(std::size_t number) {
  return std::uint32_t{1} << (kFirstRemoteSemaphore + number);
}

// Each place has a semaphore that counts what arrives for it, from all other cores. A core's message of
// segment r says besides that it has stored segment r - lag: so whoever has all messages of r may send into
// the places of r - lag again.
class AllToAll {
 public:
  AllToAll(const CollectiveParameters& p, const CollectiveCut& cut, std::int64_t result_line)
      : p_(p), c_(cut), result_(result_line), writer_(p), lag_(static_cast<std::size_t>(cut.places) / 2) {}

  Listing write() {
    for (std::size_t s = 0; s < c_.segments.size(); ++s) {
      load(s);
      puts(s);
      collect(s);
      store(s);
    }
    writer_.end();
    schedule(writer_.listing(), p_.chip.lanes);
    return std::move(writer_.listing());
  }

 private:
  std::size_t place(std::size_t s) const { return s % static_cast<std::size_t>(c_.places); }
  std::int64_t sent_line(std::size_t s) const {
    return 2 * static_cast<std::int64_t>(place(s)) * c_.segment_lines;
  }
  std::int64_t arrival_line(std::size_t s) const { return sent_line(s) + c_.segment_lines; }
  Access sent(std::size_t s, bool write) const {
    return CollectiveWriter::lines(sent_line(s), c_.segment_lines, write);
  }
  Access arrived(std::size_t s, bool write) const {
    return CollectiveWriter::lines(arrival_line(s), c_.segment_lines, write);
  }
  Access stored(std::size_t s, bool write) const {
    return CollectiveWriter::order(static_cast<std::int64_t>(place(s)), write);
  }
  Access collected(std::size_t s, bool write) const {
    return CollectiveWriter::order(c_.places + static_cast<std::int64_t>(place(s)), write);
  }

  void load(std::size_t s) {
    const PieceSegment& segment = c_.segments[s];
    Exchanged e;
    e.touches = {sent(s, true)};
    if (s >= static_cast<std::size_t>(c_.places))
      e.touches.push_back(collected(s - static_cast<std::size_t>(c_.places) + lag_, false));
    writer_.copy(Space::kHbm, segment.first, Space::kScratchpad, sent_line(s),
                 {{c_.cores, c_.piece_lines, segment.count}, {segment.count, 1, 1}}, e);
  }

  void puts(std::size_t s) {
    const PieceSegment& segment = c_.segments[s];
    for (int t = 0; t < c_.cores; ++t) {
      Exchanged e;
      e.in_core = [t, cores = c_.cores, from = sent_line(s), to = arrival_line(s), n = segment.count,
                   semaphore = remote_semaphore(place(s))](int core) {
        const int receiver = (core + t) % cores;
        if (t > 0)
          return isa::Instruction(
              CollectiveWriter::put(receiver, from + receiver * n, to + core * n, n, semaphore));
        isa::Copy own;
        own.element = isa::Format::kFp32;
        own.src.base = static_cast<std::uint32_t>(from + core * n);
        own.dst.base = static_cast<std::uint32_t>(to + core * n);
        own.loops.back() = static_cast<std::uint16_t>(n);
        own.src.stride.back() = own.dst.stride.back() = 1;
        return isa::Instruction(own);
      };
      e.touches = {sent(s, false), arrived(s, true)};
      if (t > 0 && s >= lag_) e.touches.push_back(stored(s - lag_, false));
      const isa::Instruction in_core_0 = e.in_core(0);
      last_ = writer_.emit(in_core_0, std::move(e));
    }
  }

  void collect(std::size_t s) {
    for (int t = 1; t < c_.cores; ++t)
      writer_.collect(remote_semaphore(place(s)), {arrived(s, true), collected(s, true)}, last_,
                      writer_.lag_cycles(c_.segments[s].count));
  }

  void store(std::size_t s) {
    const PieceSegment& segment = c_.segments[s];
    Exchanged e;
    e.touches = {arrived(s, false), stored(s, true)};
    writer_.copy(Space::kScratchpad, arrival_line(s), Space::kHbm, result_ + segment.first,
                 {{c_.cores, segment.count, c_.piece_lines}, {segment.count, 1, 1}}, e);
  }

  const CollectiveParameters& p_;
  const CollectiveCut& c_;
  std::int64_t result_;
  CollectiveWriter writer_;
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
    const std::size_t turns = c_.ways.size(), all = c_.segments.size();
    for (std::size_t s = 0; s < all; s += turns) {
      const std::size_t end = std::min(all, s + turns);
      if (core_ == 0)
        for (std::size_t k = s; k < end; ++k) load(k);
      // packets of all ways in turn: none waits behind those of another
      for (std::int64_t first = 0; first < longest(s, end); first += message_lines_)
        for (std::size_t k = s; k < end; ++k)
          if (first < size(k)) send_on(k, first);
      for (std::size_t k = s; k < end; ++k) store(k);
      // late, so that puts do not wait behind it for the store
      for (std::size_t k = s; k < end; ++k)
        if (k >= kCreditLag * turns) give_credit(k - kCreditLag * turns);
    }
    for (std::size_t k = all - std::min(all, kCreditLag * turns); k < all; ++k) give_credit(k);
    writer_.end();
    Listing listing = std::move(writer_.listing());
    add_semaphores(listing, dependencies(listing, p_.chip.lanes));
    return listing;
  }

 private:
  static constexpr std::size_t kCreditLag = 1;

  struct Child {
    int core;
    std::size_t dimension;  // counted over those of more than one core
  };
  struct Role {
    int parent = -1;
    std::size_t dimension = 0;  // from the parent
    std::vector<Child> children;
  };

  static int position(const Dimension& d, int core) {
    const int coordinate = core / d.stride % d.size;
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
  std::int64_t longest(std::size_t s, std::size_t end) const {
    std::int64_t most = 0;
    for (; s < end; ++s) most = std::max(most, size(s));
    return most;
  }
  std::int64_t line(std::size_t s) const {
    return static_cast<std::int64_t>(s) % c_.places * c_.segment_lines;
  }
  std::int64_t hbm(std::size_t s) const { return c_.cores * c_.segments[s].first; }

  void load(std::size_t s) {
    for (const bool result : {false, true}) {
      Exchanged e;
      e.touches = {CollectiveWriter::lines(line(s), size(s), !result)};
      if (result) {
        copy(Space::kScratchpad, line(s), Space::kHbm, result_ + hbm(s), s, e);
      } else {
        copy(Space::kHbm, hbm(s), Space::kScratchpad, line(s), s, e);
      }
    }
  }

  void copy(Space from, std::int64_t src, Space to, std::int64_t dst, std::size_t s, const Exchanged& e) {
    const std::int64_t n = c_.segments[s].count;
    writer_.copy(from, src, to, dst, {{c_.cores, n, n}, {n, 1, 1}}, e);
  }

  void send_on(std::size_t s, std::int64_t first) {
    const Role& r = roles_[way(s)];
    const std::int64_t at = line(s) + first, n = std::min(message_lines_, size(s) - first);
    const Access message = CollectiveWriter::lines(at, n, r.parent >= 0);
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
      writer_.emit(CollectiveWriter::put(child.core, at, at, n, data(s)), std::move(e));
    }
  }

  void store(std::size_t s) {
    if (core_ == 0) return;  // it has stored while it loaded
    Exchanged e;
    e.touches = {CollectiveWriter::lines(line(s), size(s), false)};
    copy(Space::kScratchpad, line(s), Space::kHbm, result_ + hbm(s), s, e);
  }

  void give_credit(std::size_t s) {
    const Role& r = roles_[way(s)];
    if (r.parent < 0 || !needs_credit(s)) return;
    const std::int64_t free = c_.places * c_.segment_lines;
    Exchanged e;
    e.touches = {CollectiveWriter::lines(line(s), size(s), true)};
    writer_.emit(CollectiveWriter::put(r.parent, free, free, 1, credit(s, r.dimension)), std::move(e));
  }

  const CollectiveParameters& p_;
  const CollectiveCut& c_;
  std::int64_t result_;
  int core_;
  CollectiveWriter writer_;
  std::int64_t message_lines_;
  std::vector<Role> roles_;
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
