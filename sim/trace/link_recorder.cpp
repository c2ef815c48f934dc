// Slices are kept by link, and the gap over which they join doubles until few enough are left.
#include "sim/trace/link_recorder.hpp"

#include <algorithm>

namespace anzan::sim {
namespace {

constexpr std::int64_t kFirstGapFs = 1'000'000;

}  // namespace

LinkRecorder::LinkRecorder(std::size_t links, std::size_t most)
    : links_(links), most_(std::max(most, 2 * links)) {}

void LinkRecorder::carries(const models::Occupation& o) {
  const Slice packet{o.begin_fs, o.end_fs, o.end_fs - o.begin_fs, o.bytes,  1,
                     1,          o.source, o.destination,         o.message};
  std::vector<Slice>& slices = links_.at(static_cast<std::size_t>(o.link));
  if (!slices.empty() && join(slices.back(), packet)) return;
  slices.push_back(packet);
  if (++count_ > most_) join_neighbours();
}

// False where the gap is too wide.
bool LinkRecorder::join(Slice& slice, const Slice& next) const {
  const std::int64_t gap = next.begin_fs - slice.end_fs;
  const bool same_train = gap == 0 && next.message == slice.message;
  if (!same_train && gap > gap_fs_) return false;
  slice.end_fs = next.end_fs;
  slice.busy_fs += next.busy_fs;
  slice.bytes += next.bytes;
  slice.packets += next.packets;
  slice.trains += next.trains - (same_train ? 1 : 0);
  slice.message = next.message;
  return true;
}

void LinkRecorder::join_neighbours() {
  do {
    gap_fs_ = gap_fs_ < 0 ? 0 : std::max(kFirstGapFs, 2 * gap_fs_);
    count_ = 0;
    for (std::vector<Slice>& slices : links_) {
      std::size_t last = 0;
      for (std::size_t k = 1; k < slices.size(); ++k)
        if (!join(slices[last], slices[k])) slices[++last] = slices[k];
      if (!slices.empty()) slices.resize(last + 1);
      count_ += slices.size();
    }
  } while (count_ > most_ / 2);
}

}  // namespace anzan::sim
