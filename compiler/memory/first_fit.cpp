// Placed buffers stand in a tree over the sections, which gives those alive in one section, and in a set by
// their first section, which gives those that begin within a range. Where these are many, it is faster to
// look at all that are placed in the order of their offsets, and to end at the first gap.
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

  void place(int buffer, std::size_t& looks) {
    constexpr std::size_t kFew = 64, kShare = 16;
    const Range range{static_cast<std::size_t>(sections_.first[buffer]),
                      static_cast<std::size_t>(sections_.last[buffer])};
    std::size_t looked = 0;
    if (looks == 0) {
      offset_[buffer] = top(1, {0, leaves_}, range);
    } else if (collect(range, std::max(kFew, count_ / kShare))) {
      looked = taken_.size();
      offset_[buffer] = lowest_gap(buffers_[buffer].size);
    } else {
      offset_[buffer] = first_gap(buffer, looked);
    }
    looks -= std::min(looks, looked);
    insert(1, {0, leaves_}, range, buffer, offset_[buffer] + buffers_[buffer].size);
    insert_by_offset(buffer);
    placed_[position_[buffer] / 64] |= std::uint64_t{1} << (position_[buffer] % 64);
    ++count_;
  }
  const std::vector<std::int64_t>& offsets() const { return offset_; }

 private:
  struct Range {
    std::size_t begin, end;
  };
  struct Placed {
    std::int64_t begin = 0, end = 0;
    int first = 0, last = 0;  // sections
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

  // The same among all that are placed.
  std::int64_t first_gap(int buffer, std::size_t& looked) const {
    const int first = sections_.first[buffer], last = sections_.last[buffer];
    const std::int64_t size = buffers_[buffer].size;
    std::int64_t offset = 0;
    for (const std::vector<Placed>& block : by_offset_) {
      looked += block.size();
      for (const Placed& p : block) {
        const bool alive =
            (p.first < last) & (first < p.last);  // without a jump, which could not be foretold
        if (p.begin - offset >= size && alive) return offset;
        offset = std::max(offset, alive ? p.end : 0);
      }
    }
    return offset;
  }
  void insert_by_offset(int buffer) {
    constexpr std::size_t kMost = 512;  // of a block
    const std::int64_t offset = offset_[buffer];
    const auto after = [](std::int64_t begin, const Placed& p) { return begin < p.begin; };
    auto block = std::upper_bound(
        std::next(by_offset_.begin()), by_offset_.end(), offset,
        [](std::int64_t begin, const std::vector<Placed>& b) { return begin < b.front().begin; });
    --block;
    block->insert(std::upper_bound(block->begin(), block->end(), offset, after),
                  {offset, offset + buffers_[buffer].size, sections_.first[buffer], sections_.last[buffer]});
    if (block->size() < kMost) return;
    std::vector<Placed> upper(block->begin() + kMost / 2, block->end());
    block->resize(kMost / 2);
    by_offset_.insert(std::next(block), std::move(upper));
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
  std::vector<std::vector<Placed>> by_offset_{1};  // in blocks, of which only the first may be empty
  std::size_t count_ = 0;                          // of those that are placed
  std::vector<std::pair<std::int64_t, std::int64_t>> taken_;
};

}  // namespace

std::vector<std::int64_t> first_fit(const std::vector<Buffer>& buffers, const Sections& sections,
                                    const std::vector<int>& order, std::size_t& looks,
                                    const std::function<bool()>& stop) {
  constexpr std::size_t kOften = 256;
  PlacedBuffers placed(buffers, sections);
  for (std::size_t k = 0; k < order.size(); ++k) {
    if (k % kOften == kOften - 1 && stop && stop()) looks = 0;
    placed.place(order[k], looks);
  }
  return placed.offsets();
}

}  // namespace anzan::compiler
