// A plan is built in the order of its offsets, each as low as what lies below allows, so that of all plans
// that differ by pushing or swapping only one is looked at.
#include "compiler/memory/fit_search.hpp"

#include <algorithm>
#include <limits>

namespace anzan::compiler {
namespace {

constexpr std::int64_t kNoOffset = std::numeric_limits<std::int64_t>::max();
constexpr int kMostSweeps = 3;               // over the sections of a node; more find little
constexpr std::size_t kMostKept = 1U << 20;  // fruitless states
constexpr std::int64_t kNodesBetweenStops = 64;

std::uint64_t mixed(std::uint64_t x) {  // the finaliser of SplitMix64
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9U;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBU;
  return x ^ (x >> 31);
}

}  // namespace

bool SearchBudget::spend() {
  if (stopped || nodes <= 0) return false;
  if (nodes_used % kNodesBetweenStops == 0 && stop && stop()) {
    stopped = true;
    return false;
  }
  --nodes;
  ++nodes_used;
  return true;
}

FitSearch::FitSearch(const std::vector<Buffer>& buffers, const Sections& sections)
    : buffers_(buffers),
      sections_(sections),
      words_((buffers.size() + 63) / 64),
      alive_(sections.load.size() * words_),
      neighbours_(buffers.size()),
      head_(buffers.size()),
      dirty_(sections.load.size()),
      offset_(buffers.size()) {
  for (std::size_t i = 0; i < buffers.size(); ++i) {
    for (int s = sections.first[i]; s < sections.last[i]; ++s)
      alive_[static_cast<std::size_t>(s) * words_ + i / 64] |= std::uint64_t{1} << (i % 64);
    for (std::size_t j = i + 1; j < buffers.size() && sections.first[j] < sections.last[i]; ++j) {
      neighbours_[i].push_back(static_cast<int>(j));
      neighbours_[j].push_back(static_cast<int>(i));
    }
  }
}

FitSearch::Verdict FitSearch::run(std::int64_t capacity, const SearchOrder& order, std::int64_t most_work,
                                  SearchBudget& budget) {
  if (capacity != capacity_) fruitless_.clear();
  capacity_ = capacity;
  order_ = &order;
  budget_ = &budget;
  work_left_ = most_work;
  gave_up_ = false;
  remaining_ = sections_.load;
  floor_.assign(buffers_.size(), 0);
  unplaced_.assign(words_, 0);
  placed_.clear();
  raised_.clear();
  Members all(buffers_.size());
  for (std::size_t i = 0; i < all.size(); ++i) {
    all[i] = static_cast<int>(i);
    unplaced_[i / 64] |= std::uint64_t{1} << (i % 64);
  }
  if (place_rest(all, {0, -1})) return Verdict::kFits;
  return gave_up_ ? Verdict::kUnknown : Verdict::kNever;
}

template <class Function>
void FitSearch::for_unplaced(int section, Function function) const {
  const std::uint64_t* const alive = alive_.data() + static_cast<std::size_t>(section) * words_;
  for (std::size_t w = 0; w < words_; ++w)
    for (std::uint64_t set = alive[w] & unplaced_[w]; set != 0; set &= set - 1)
      function(static_cast<int>(64 * w) + __builtin_ctzll(set));
}

// Of all that have no offset yet in a section, one is the lowest, and the others lie above it. Whoever cannot
// be the lowest there, because the section would then end above the capacity, begins above the end of
// another.
bool FitSearch::raise_in_section(int section) {
  std::int64_t least = kNoOffset, end = kNoOffset, second_end = kNoOffset;
  int ends_first = -1;
  for_unplaced(section, [&](int i) {
    least = std::min(least, head_[i]);
    const std::int64_t e = head_[i] + buffers_[i].size;
    if (e < end) {
      second_end = end;
      end = e;
      ends_first = i;
    } else if (e < second_end) {
      second_end = e;
    }
  });
  const std::int64_t latest = capacity_ - remaining_[section];  // offset of the lowest
  if (least > latest) return false;
  bool possible = true;
  for_unplaced(section, [&](int i) {
    if (head_[i] <= latest) return;
    const std::int64_t head = i == ends_first ? second_end : end;
    if (head <= head_[i]) return;
    head_[i] = head;
    possible = possible && head <= capacity_ - buffers_[i].size;
    for (int s = sections_.first[i]; s < sections_.last[i]; ++s) dirty_[s] = 1;
  });
  return possible;
}

// Raises heads until nothing changes; false where they leave no plan.
bool FitSearch::raise_heads(const Members& members) {
  const int begin = sections_.first[members.front()];
  int end = begin;
  for (const int i : members) end = std::max(end, sections_.last[i]);
  std::fill(dirty_.begin() + begin, dirty_.begin() + end, 1);
  bool changed = true;
  for (int sweep = 0; changed && sweep < kMostSweeps; ++sweep) {
    changed = false;
    for (int s = begin; s < end; ++s) {
      if (dirty_[s] == 0 || remaining_[s] == 0) continue;
      dirty_[s] = 0;
      if (!raise_in_section(s)) return false;
      changed = true;
    }
  }
  return true;
}

FitSearch::Key FitSearch::key_of(const Members& members) const {
  Key key{0, 0};
  for (const int i : members) {
    const std::uint64_t one =
        mixed(mixed(static_cast<std::uint64_t>(i) + 1) ^ static_cast<std::uint64_t>(head_[i]));
    key.first += one;
    key.second += mixed(one + 0x9E3779B97F4A7C15U);
  }
  return key;
}

// Who may get the next offset. Whoever would lie wholly above the place of another can wait: that other can
// always be pushed down to its place first.
std::vector<FitSearch::Candidate> FitSearch::candidates(const Members& members, Level level,
                                                        const std::vector<std::int64_t>& lowest) const {
  std::int64_t least_end = kNoOffset, latest = kNoOffset;
  for (std::size_t k = 0; k < members.size(); ++k)
    least_end = std::min(least_end, lowest[k] + buffers_[members[k]].size);
  int section = sections_.first[members.front()];
  for (const int i : members) {
    section = std::max(section, sections_.first[i]);
    for (; section < sections_.last[i]; ++section) latest = std::min(latest, capacity_ - remaining_[section]);
  }
  std::vector<Candidate> found;
  for (std::size_t k = 0; k < members.size(); ++k) {
    const int i = members[k];
    const std::int64_t offset = lowest[k];
    if (head_[i] > offset || offset >= least_end || offset > latest) continue;
    if (offset == level.offset && order_->rank[i] <= level.rank) continue;
    found.push_back({i, offset});
  }
  std::sort(found.begin(), found.end(), [&](const Candidate& a, const Candidate& b) {
    if (order_->lowest_first && a.offset != b.offset) return a.offset < b.offset;
    return order_->rank[a.buffer] < order_->rank[b.buffer];
  });
  return found;
}

// What is left of members without the one that was placed, part by part.
bool FitSearch::place_parts(const Members& members, int placed, Level level) {
  std::vector<Members> parts;
  int end = -1;
  for (const int i : members) {
    if (i == placed) continue;
    if (parts.empty() || sections_.first[i] >= end) parts.emplace_back();
    parts.back().push_back(i);
    end = std::max(end, sections_.last[i]);
  }
  std::stable_sort(parts.begin(), parts.end(),
                   [](const Members& a, const Members& b) { return a.size() < b.size(); });
  return std::all_of(parts.begin(), parts.end(),
                     [&](const Members& part) { return place_rest(part, level); });
}

void FitSearch::place(Candidate candidate) {
  const int i = candidate.buffer;
  const std::int64_t size = buffers_[i].size, end = candidate.offset + size;
  placed_.push_back({i, raised_.size()});
  for (const int j : neighbours_[i])
    if (floor_[j] < end && (unplaced_[j / 64] >> (j % 64) & 1) != 0) {
      raised_.emplace_back(j, floor_[j]);
      floor_[j] = end;
    }
  unplaced_[i / 64] ^= std::uint64_t{1} << (i % 64);
  for (int s = sections_.first[i]; s < sections_.last[i]; ++s) remaining_[s] -= size;
  offset_[i] = candidate.offset;
}

void FitSearch::take_back(std::size_t placed) {
  while (placed_.size() > placed) {
    const int i = placed_.back().buffer;
    for (; raised_.size() > placed_.back().raised; raised_.pop_back())
      floor_[raised_.back().first] = raised_.back().second;
    unplaced_[i / 64] ^= std::uint64_t{1} << (i % 64);
    for (int s = sections_.first[i]; s < sections_.last[i]; ++s) remaining_[s] += buffers_[i].size;
    placed_.pop_back();
  }
}

// Gives offsets to members, which share no section with others that have none.
bool FitSearch::place_rest(const Members& members, Level level) {
  work_left_ -= static_cast<std::int64_t>(members.size());
  if (work_left_ < 0 || !budget_->spend()) {
    gave_up_ = true;
    return false;
  }
  std::vector<std::int64_t> lowest;
  lowest.reserve(members.size());
  bool all_may = true;  // whether the order of equal offsets forbids nobody the next place
  for (const int i : members) {
    lowest.push_back(std::max(floor_[i], level.offset));
    head_[i] = lowest.back();
    all_may = all_may && (head_[i] > level.offset || order_->rank[i] > level.rank);
  }
  if (!raise_heads(members)) return false;
  const Key key = key_of(members);
  if (fruitless_.count(key) != 0) return false;
  for (const Candidate& candidate : candidates(members, level, lowest)) {
    const std::size_t before = placed_.size();
    place(candidate);
    if (place_parts(members, candidate.buffer, {candidate.offset, order_->rank[candidate.buffer]}))
      return true;
    take_back(before);
    if (gave_up_) return false;
  }
  if (all_may && fruitless_.size() < kMostKept) fruitless_.insert(key);
  return false;
}

}  // namespace anzan::compiler
