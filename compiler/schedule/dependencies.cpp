// Dependencies by the last accesses to each stretch of lines: see dependencies.hpp.
#include "compiler/schedule/dependencies.hpp"

#include <array>
#include <iterator>
#include <map>

#include "compiler/instructions/accesses.hpp"

namespace anzan::compiler {
namespace {

// The last writer of every line and its readers since; neighbouring lines of one history share an entry.
class History {
 public:
  History() { stretches_.emplace(0, Last{}); }

  template <class Depend>
  void read(std::int64_t begin, std::int64_t end, std::int32_t reader, const Depend& depend) {
    const auto last = cut(end);
    for (auto s = cut(begin); s != last; ++s) {
      depend(s->second.writer);
      s->second.readers.push_back(reader);
    }
  }

  template <class Depend>
  void write(std::int64_t begin, std::int64_t end, std::int32_t writer, const Depend& depend) {
    const auto last = cut(end), first = cut(begin);
    for (auto s = first; s != last; ++s) {
      if (s->second.readers.empty()) depend(s->second.writer);
      for (const std::int32_t reader : s->second.readers) depend(reader);
    }
    first->second.writer = writer;
    first->second.readers.clear();
    stretches_.erase(std::next(first), last);
  }

 private:
  struct Last {
    std::int32_t writer = -1;
    std::vector<std::int32_t> readers;
  };
  using Stretches = std::map<std::int64_t, Last>;  // by first line; each ends where the next begins

  // The stretch that begins at `line`, cut off from the one it lay in.
  Stretches::iterator cut(std::int64_t line) {
    const auto next = stretches_.upper_bound(line), in = std::prev(next);
    return in->first == line ? in : stretches_.emplace_hint(next, line, in->second);
  }

  Stretches stretches_;
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
        write ? history.write(a.begin, a.end, number, depend) : history.read(a.begin, a.end, number, depend);
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

Dependencies dependencies(const Listing& listing, std::int64_t lanes) {
  std::vector<Access> touched;
  const auto touches = [&](std::size_t i) -> const std::vector<Access>& {
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
