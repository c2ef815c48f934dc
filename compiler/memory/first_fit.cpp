// Placed buffers stand in a tree over the sections, which gives those alive in one section, and in a set by
// their first section, which gives those that begin within a range.
#include "compiler/memory/first_fit.hpp"

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <utility>

namespace anzan::compiler {
namespace {

class PlacedBuffers {
 public:
  PlacedBuffers(const std::vector<Buffer>& buffers, const Sections& sections)
      : buffers_(buffers),
        sections_(sections),
        begin_(sections.load.size() + 1),
        by_first_(buffers.size()),
        position_(buffers.size()),
        placed_((buffers.size() + 63) / 64),
        offset_(buffers.size()) {
    while (leaves_ < sections.load.size()) leaves_ *= 2;
    covering_.resize(2 * leaves_);
    top_.resize(2 * leaves_);
    raised_.resize(2 * leaves_);
    std::iota(by_first_.begin(), by_first_.end(), 0);
    std::stable_sort(by_first_.begin(), by_first_.end(),
                     [&](int a, int b) { return sections.first[a] < sections.first[b]; });
    for (std::size_t k = 0; k < by_first_.size(); ++k) {
      position_[by_first_[k]] = k;
      ++begin_[static_cast<std::size_t>(sections.first[by_first_[k]]) + 1];
    }
    std::partial_sum(begin_.begin(), begin_.end(), begin_.begin());
  }

  void place(int buffer, std::size_t most_neighbours) {
    const Range range{static_cast<std::size_t>(sections_.first[buffer]),
                      static_cast<std::size_t>(sections_.last[buffer])};
    offset_[buffer] =
        collect(range, most_neighbours) ? lowest_gap(buffers_[buffer].size) : top(1, {0, leaves_}, range);
    insert(1, {0, leaves_}, range, buffer, offset_[buffer] + buffers_[buffer].size);
    placed_[position_[buffer] / 64] |= std::uint64_t{1} << (position_[buffer] % 64);
  }
  const std::vector<std::int64_t>& offsets() const { return offset_; }

 private:
  struct Range {
    std::size_t begin, end;
  };

  // The places of those alive with a range, into taken_; false if there are too many.
  bool collect(Range range, std::size_t most) {
    taken_.clear();
    for (std::size_t node = leaves_ + range.begin; node > 0; node /= 2)
      for (const int i : covering_[node])
        if (!take(i, most)) return false;
    const std::size_t begin = begin_[range.begin + 1], end = begin_[range.end];
    for (std::size_t word = begin / 64; 64 * word < end; ++word) {
      std::uint64_t set = placed_[word];
      if (64 * word < begin) set &= ~std::uint64_t{0} << (begin % 64);
      if (end - 64 * word < 64) set &= (std::uint64_t{1} << (end % 64)) - 1;
      for (; set != 0; set &= set - 1)
        if (!take(by_first_[64 * word + static_cast<std::size_t>(__builtin_ctzll(set))], most)) return false;
    }
    return true;
  }
  bool take(int i, std::size_t most) {
    if (taken_.size() >= most) return false;
    taken_.emplace_back(offset_[i], offset_[i] + buffers_[i].size);
    return true;
  }
  std::int64_t lowest_gap(std::int64_t size) {
    std::sort(taken_.begin(), taken_.end());
    std::int64_t offset = 0;
    for (const auto& [begin, end] : taken_) {
      if (begin - offset >= size) break;
      offset = std::max(offset, end);
    }
    return offset;
  }

  // The nodes that make up `range`; `here` is what the node covers.
  void insert(std::size_t node, Range here, Range range, int buffer, std::int64_t end) {
    top_[node] = std::max(top_[node], end);
    if (range.begin <= here.begin && here.end <= range.end) {
      raised_[node] = std::max(raised_[node], end);
      covering_[node].push_back(buffer);
      return;
    }
    const std::size_t middle = (here.begin + here.end) / 2;
    if (range.begin < middle) insert(2 * node, {here.begin, middle}, range, buffer, end);
    if (range.end > middle) insert(2 * node + 1, {middle, here.end}, range, buffer, end);
  }
  std::int64_t top(std::size_t node, Range here, Range range) const {
    if (range.begin <= here.begin && here.end <= range.end) return top_[node];
    std::int64_t most = raised_[node];
    const std::size_t middle = (here.begin + here.end) / 2;
    if (range.begin < middle) most = std::max(most, top(2 * node, {here.begin, middle}, range));
    if (range.end > middle) most = std::max(most, top(2 * node + 1, {middle, here.end}, range));
    return most;
  }

  const std::vector<Buffer>& buffers_;
  const Sections& sections_;
  std::size_t leaves_ = 1;
  std::vector<std::vector<int>> covering_;  // by node: who covers it and not the node above it
  std::vector<std::int64_t> top_, raised_;  // by node: the highest end in it; that of who covers it
  std::vector<std::size_t> begin_;          // by section: the position of the first that begins there
  std::vector<int> by_first_;
  std::vector<std::size_t> position_;  // in by_first_
  std::vector<std::uint64_t> placed_;  // the set of positions
  std::vector<std::int64_t> offset_;
  std::vector<std::pair<std::int64_t, std::int64_t>> taken_;
};

}  // namespace

std::vector<std::int64_t> first_fit(const std::vector<Buffer>& buffers, const Sections& sections,
                                    const std::vector<int>& order, std::size_t most_neighbours) {
  PlacedBuffers placed(buffers, sections);
  for (const int buffer : order) placed.place(buffer, most_neighbours);
  return placed.offsets();
}

}  // namespace anzan::compiler
