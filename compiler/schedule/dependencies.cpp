// Dependencies by the last accesses to each stretch of lines: see dependencies.hpp.
#include "compiler/schedule/dependencies.hpp"

#include <array>
#include <iterator>
#include <map>
#include <memory_resource>

#include "compiler/instructions/accesses.hpp"

namespace anzan::compiler {
namespace {

// Who has read or written a line, newest first, back to its last writer. Lines with the same past share it.
class Pasts {
 public:
  using Past = std::int32_t;
  static constexpr Past kUntouched = 0;

  Past written_by(std::int32_t writer) {
    pasts_.push_back({writer, writer, kNone});
    return last();
  }
  // What `past` becomes by a reader: always the same one for the same reader, as long as no other comes.
  Past read_by(std::int32_t reader, Past past) {
    if (at(past).who == reader && at(past).shorter != kNone) return past;
    const Past known = at(past).longer;
    if (known != kNone && at(known).who == reader) return known;
    const std::int32_t writer = at(past).writer;
    pasts_.push_back({reader, writer, past});
    return at(past).longer = last();
  }

  std::int32_t writer(Past past) const { return pasts_[static_cast<std::size_t>(past)].writer; }
  // What a new writer comes after: the readers since the last writer, or else that one.
  template <class Depend>
  void before_write(Past past, std::int32_t writer, const Depend& depend) {
    if (at(past).shorter == kNone) depend(at(past).writer);
    for (; at(past).shorter != kNone && at(past).visitor != writer; past = at(past).shorter) {
      at(past).visitor = writer;
      depend(at(past).who);
    }
  }

 private:
  static constexpr Past kNone = -1;
  struct Entry {
    std::int32_t who = -1, writer = -1;
    Past shorter = kNone;  // without the newest reader; none: nobody has read since it was written
    Past longer = kNone;   // the newest that goes on from here
    std::int32_t visitor = -1;
  };
  Entry& at(Past past) { return pasts_[static_cast<std::size_t>(past)]; }
  Past last() const { return static_cast<Past>(pasts_.size()) - 1; }

  std::vector<Entry> pasts_{Entry{}};
};

// The past of every line; neighbouring lines of one past share an entry.
class History {
 public:
  History() { stretches_.emplace(0, Pasts::kUntouched); }

  template <class Depend>
  void read(const Access& a, std::int32_t reader, const Depend& depend) {
    const auto first = cut(a.begin), end = cut(a.end);
    for (auto s = first; s != end; ++s) {
      depend(pasts_.writer(s->second));
      s->second = pasts_.read_by(reader, s->second);
    }
  }

  template <class Depend>
  void write(const Access& a, std::int32_t writer, const Depend& depend) {
    const auto first = cut(a.begin), end = cut(a.end);
    for (auto s = first; s != end; ++s) pasts_.before_write(s->second, writer, depend);
    if (writer != writer_) written_ = pasts_.written_by(writer_ = writer);
    first->second = written_;
    stretches_.erase(std::next(first), end);
  }

 private:
  using Stretches =
      std::pmr::map<std::int64_t, Pasts::Past>;  // by first line; each ends where the next begins

  // The stretch that begins at `line`, cut off from the one it lay in. Accesses of an instruction follow each
  // other: looks first behind the last one.
  Stretches::iterator cut(std::int64_t line) {
    constexpr int kNear = 8;
    auto next = near_;
    for (int i = 0; i < kNear && next != stretches_.end() && next->first <= line; ++i) ++next;
    const bool found = next != near_ && (next == stretches_.end() || next->first > line);
    if (!found) next = stretches_.upper_bound(line);
    const auto in = std::prev(next);
    return near_ = in->first == line ? in : stretches_.emplace_hint(next, line, in->second);
  }

  std::pmr::unsynchronized_pool_resource memory_;
  Stretches stretches_{&memory_};
  Stretches::iterator near_ = stretches_.end();
  Pasts pasts_;
  std::int32_t writer_ = -1;
  Pasts::Past written_ = Pasts::kUntouched;  // what writer_ leaves
};

// touches(i): the accesses of instruction i. stage(i): whose memory it is. cause(i): another one before it.
template <class Touches, class Stage, class Cause>
Dependencies dependencies_of(std::size_t instructions, const Touches& touches, const Stage& stage,
                             const Cause& cause) {
  Dependencies result;
  result.before.resize(instructions);
  std::map<std::size_t, std::array<History, Access::kResources>> stages;
  std::vector<std::int32_t> noted(instructions, -1);  // by earlier instruction: the last that noted it
  std::vector<std::int32_t> before;                   // of one instruction; kept in vectors of just its size
  for (std::size_t i = 0; i < instructions; ++i) {
    const auto number = static_cast<std::int32_t>(i);
    before.clear();
    const auto depend = [&](std::int32_t earlier) {
      if (earlier < 0 || earlier == number || noted[static_cast<std::size_t>(earlier)] == number) return;
      noted[static_cast<std::size_t>(earlier)] = number;
      before.push_back(earlier);
    };
    depend(cause(i));
    const std::vector<Access>& touched = touches(i);
    std::array<History, Access::kResources>& histories = stages[stage(i)];
    for (const bool write : {false, true}) {  // an instruction reads before it writes
      for (const Access& a : touched) {
        if (a.write != write) continue;
        History& history = histories[static_cast<std::size_t>(a.resource)];
        write ? history.write(a, number, depend) : history.read(a, number, depend);
      }
    }
    result.before[i].assign(before.begin(), before.end());
  }
  return result;
}

}  // namespace

Dependencies dependencies(const isa::Program& program, std::int64_t lanes) {
  std::vector<Access> touched;
  return dependencies_of(
      program.size(),
      [&](std::size_t i) -> const std::vector<Access>& { return touched = accesses(program[i], lanes); },
      [](std::size_t) { return std::size_t{0}; }, [](std::size_t) { return std::int32_t{-1}; });
}

Dependencies dependencies(const Listing& listing, std::int64_t lanes, models::Watch watch) {
  std::vector<Access> touched;
  const auto touches = [&](std::size_t i) -> const std::vector<Access>& {
    watch.done(kDependencyUnits);
    const Exchanged* exchanged = listing.exchanged_at(i);
    if (exchanged != nullptr) return exchanged->touches;
    return touched = accesses(listing.program[i], lanes);
  };
  const auto cause = [&](std::size_t i) {
    const Exchanged* exchanged = listing.exchanged_at(i);
    return exchanged != nullptr ? exchanged->cause : -1;
  };
  return dependencies_of(
      listing.program.size(), touches, [&](std::size_t i) { return listing.stage_at(i); }, cause);
}

}  // namespace anzan::compiler
