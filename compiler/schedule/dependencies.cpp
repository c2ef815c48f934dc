// Dependencies by the last accesses to each stretch of lines: see dependencies.hpp.
#include "compiler/schedule/dependencies.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <unordered_map>

#include "compiler/instructions/accesses.hpp"

namespace anzan::compiler {
namespace {

// Who has read a line since it was last written, newest first. Lines with the same readers share them,
// whoever has written each.
class Readers {
 public:
  using Chain = std::int32_t;
  static constexpr Chain kNobody = 0;

  // What `chain` becomes by a reader: always the same one for the same reader, as long as no other comes.
  Chain joined_by(std::int32_t reader, Chain chain) {
    if (at(chain).who == reader) return chain;
    const Chain known = at(chain).longer;
    if (known != kNobody && at(known).who == reader) return known;
    chains_.push_back({reader, chain});
    return at(chain).longer = static_cast<Chain>(chains_.size()) - 1;
  }

  // All of them, but for those that the same visitor has met.
  template <class Depend>
  void visit(Chain chain, std::int32_t visitor, const Depend& depend) {
    for (; chain != kNobody && at(chain).visitor != visitor; chain = at(chain).shorter) {
      at(chain).visitor = visitor;
      depend(at(chain).who);
    }
  }

 private:
  struct Entry {
    std::int32_t who = -1;
    Chain shorter = kNobody;  // without the newest
    Chain longer = kNobody;   // the newest that goes on from here
    std::int32_t visitor = -1;
  };
  Entry& at(Chain chain) { return chains_[static_cast<std::size_t>(chain)]; }

  std::vector<Entry> chains_{Entry{}};
};

// The last accesses to a line.
struct Past {
  std::int32_t writer;
  Readers::Chain readers;  // since then
};

// The pasts of some lines that follow each other, from a multiple of their number on. Neighbours that have
// been written at once are a stretch: it is kept at its first line, which is marked.
class Page {
 public:
  static constexpr int kLines = 4096;

  Page() { assign(0, kLines, {-1, Readers::kNobody}); }

  // visit(past) for the stretches in [begin, end), which must be in the page and not empty.
  template <class Visit>
  void each(int begin, int end, const Visit& visit) {
    cut(begin);
    if (end < kLines) cut(end);
    for (int w = begin / kBits; w <= (end - 1) / kBits; ++w) {
      for (std::uint64_t rest = words_[w] & inside(w, begin, end); rest != 0; rest &= rest - 1)
        visit(pasts_[w * kBits + __builtin_ctzll(rest)]);
    }
  }

  // [begin, end), which each() has met, becomes one stretch.
  void assign(int begin, int end, const Past& past) {
    for (int w = begin / kBits; w <= (end - 1) / kBits; ++w) {
      words_[w] &= ~inside(w, begin, end);
      if (words_[w] == 0) marked_ &= ~bit(w);
    }
    mark(begin, past);
  }

 private:
  static constexpr int kBits = 64, kWords = kLines / kBits;
  static_assert(kWords == kBits, "a bit of marked_ for each word");

  static std::uint64_t bit(int n) { return std::uint64_t{1} << (n % kBits); }
  static std::uint64_t below(int n) { return bit(n) - 1; }
  static int highest(std::uint64_t bits) { return kBits - 1 - __builtin_clzll(bits); }
  // Those of the lines of a word that are in [begin, end).
  static std::uint64_t inside(int word, int begin, int end) {
    const std::uint64_t from = word == begin / kBits ? ~below(begin) : ~std::uint64_t{0};
    return word == end / kBits ? from & below(end) : from;
  }

  void mark(int line, const Past& past) {
    words_[line / kBits] |= bit(line);
    marked_ |= bit(line / kBits);
    pasts_[line] = past;
  }
  // A stretch begins at `line`: cut off from the one it lay in. Line 0 is always marked.
  void cut(int line) {
    int word = line / kBits;
    if ((words_[word] & bit(line)) != 0) return;
    std::uint64_t before = words_[word] & below(line);
    if (before == 0) before = words_[word = highest(marked_ & below(word))];
    mark(line, pasts_[word * kBits + highest(before)]);
  }

  std::uint64_t words_[kWords]{};  // a bit for each line
  std::uint64_t marked_ = 0;       // words that are not 0
  Past pasts_[kLines];             // of marked lines
};

// The past of every line.
class History {
 public:
  template <class Depend>
  void read(const Access& a, std::int32_t reader, const Depend& depend) {
    each_page(a, [&](Page& page, int begin, int end) {
      page.each(begin, end, [&](Past& past) {
        depend(past.writer);
        past.readers = readers_.joined_by(reader, past.readers);
      });
    });
  }

  template <class Depend>
  void write(const Access& a, std::int32_t writer, const Depend& depend) {
    each_page(a, [&](Page& page, int begin, int end) {
      page.each(begin, end, [&](const Past& past) {
        if (past.readers == Readers::kNobody) depend(past.writer);  // else the readers came after it
        readers_.visit(past.readers, writer, depend);
      });
      page.assign(begin, end, {writer, Readers::kNobody});
    });
  }

 private:
  // use(page, begin, end): the lines in each page, counted in it.
  template <class Use>
  void each_page(const Access& a, const Use& use) {
    for (std::int64_t line = a.begin; line < a.end;) {
      const std::int64_t number = line / Page::kLines, first = number * Page::kLines;
      const std::int64_t end = std::min(a.end, first + Page::kLines);
      use(page(number), static_cast<int>(line - first), static_cast<int>(end - first));
      line = end;
    }
  }

  // The pieces of an access follow each other, so it is mostly the last one again.
  Page& page(std::int64_t number) {
    if (number != last_number_) {
      std::unique_ptr<Page>& found = pages_[number];
      if (found == nullptr) found = std::make_unique<Page>();
      last_ = found.get();
      last_number_ = number;
    }
    return *last_;
  }

  std::unordered_map<std::int64_t, std::unique_ptr<Page>> pages_;
  std::int64_t last_number_ = -1;
  Page* last_ = nullptr;
  Readers readers_;
};

// touches(i): the accesses of instruction i. stage(i): whose memory it is. cause(i): another one before it.
template <class Touches, class Stage, class Cause>
Dependencies dependencies_of(std::size_t instructions, const Touches& touches, const Stage& stage,
                             const Cause& cause) {
  Dependencies result;
  result.before.reserve(instructions);
  std::map<std::size_t, std::array<History, Access::kResources>> stages;
  std::vector<std::int32_t> noted(instructions, -1);  // by earlier instruction: the last that noted it
  for (std::size_t i = 0; i < instructions; ++i) {
    const auto number = static_cast<std::int32_t>(i);
    const auto depend = [&](std::int32_t earlier) {
      if (earlier < 0 || earlier == number || noted[static_cast<std::size_t>(earlier)] == number) return;
      noted[static_cast<std::size_t>(earlier)] = number;
      result.before.add(earlier);
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
    result.before.end_row();
  }
  return result;
}

}  // namespace

Dependencies dependencies(const isa::Program& program, std::int64_t lanes, std::int64_t hbm_follows) {
  std::vector<Access> touched;
  const auto touches = [&](std::size_t i) -> const std::vector<Access>& {
    touched = accesses(program[i], lanes);
    for (Access& a : touched) {
      if (hbm_follows < 0 || a.resource != Access::Resource::kHbm) continue;
      a.resource = Access::Resource::kScratchpad;
      a.begin += hbm_follows;
      a.end += hbm_follows;
    }
    return touched;
  };
  return dependencies_of(
      program.size(), touches, [](std::size_t) { return std::size_t{0}; },
      [](std::size_t) { return std::int32_t{-1}; });
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
