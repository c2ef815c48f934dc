// Whether buffers fit into a capacity: branch and bound, from the bottom of the memory upwards.
#pragma once
#include <cstdint>
#include <functional>
#include <unordered_set>
#include <utility>
#include <vector>

#include "compiler/memory/buffers.hpp"

namespace anzan::compiler {

// What a search may spend. `stop` is asked now and then.
struct SearchBudget {
  std::int64_t nodes = 0;       // that may still be looked at
  std::int64_t nodes_used = 0;  // of all searches
  std::function<bool()> stop = {};
  bool stopped = false;

  bool spend();
};

// The order in which a search tries buffers.
struct SearchOrder {
  std::vector<int> rank;     // of buffer i, each rank once; the least is tried first
  bool lowest_first = true;  // whether a lower offset comes before a better rank
};

// For buffers of which no two parts are independent, sorted by their first section; all outlive the search.
class FitSearch {
 public:
  enum class Verdict { kFits, kNever, kUnknown };

  FitSearch(const std::vector<Buffer>& buffers, const Sections& sections);

  // kFits: offsets() is a plan. kNever: there is none. kUnknown: `most_work` or the budget were used up. A
  // node is as much work as buffers have no offset yet in its part. What one run has found not to fit,
  // another with the same capacity knows.
  Verdict run(std::int64_t capacity, const SearchOrder& order, std::int64_t most_work, SearchBudget& budget);
  const std::vector<std::int64_t>& offsets() const { return offset_; }

 private:
  using Key = std::pair<std::uint64_t, std::uint64_t>;
  struct KeyHash {
    std::size_t operator()(const Key& key) const { return key.first; }
  };
  // The last offset that was given, and the rank of its buffer: later ones are greater.
  struct Level {
    std::int64_t offset;
    int rank;
  };
  struct Candidate {
    int buffer;
    std::int64_t offset;
  };
  using Members = std::vector<int>;

  bool place_rest(const Members& members, Level level);
  void place(Candidate candidate);
  void take_back(std::size_t placed);  // until so many are placed
  bool place_parts(const Members& members, int placed, Level level);
  std::vector<Candidate> candidates(const Members& members, Level level,
                                    const std::vector<std::int64_t>& lowest) const;
  bool raise_heads(const Members& members);
  bool raise_in_section(int section);
  Key key_of(const Members& members) const;

  template <class Function>
  void for_unplaced(int section, Function function) const;

  const std::vector<Buffer>& buffers_;
  const Sections& sections_;
  std::size_t words_;                         // of a set of buffers
  std::vector<std::uint64_t> alive_;          // by section: the set of its buffers
  std::vector<std::uint64_t> unplaced_;       // the set of buffers without offset
  std::vector<std::vector<int>> neighbours_;  // by buffer: those alive at one time with it
  std::vector<std::int64_t> remaining_;       // by section: the sizes without offset, summed
  std::vector<std::int64_t> floor_;           // by buffer: the end of what was placed below it
  std::vector<std::int64_t> head_;            // by buffer: the least offset that can still lead to a plan
  std::vector<char> dirty_;                   // by section: whether a head has risen since it was looked at
  std::vector<std::int64_t> offset_;          // by buffer
  struct Placed {
    int buffer;
    std::size_t raised;  // how many floors had been raised before
  };
  std::vector<Placed> placed_;
  std::vector<std::pair<int, std::int64_t>> raised_;  // a buffer, and its floor before
  std::unordered_set<Key, KeyHash> fruitless_;        // states from which nothing fits into capacity_
  std::int64_t capacity_ = -1;
  const SearchOrder* order_ = nullptr;
  SearchBudget* budget_ = nullptr;
  std::int64_t work_left_ = 0;
  bool gave_up_ = false;
};

}  // namespace anzan::compiler
