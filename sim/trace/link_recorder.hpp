// What a run of a system has sent over its links, kept within bounds: a slice of time for each train of
// packets, and every put between simulated cores.
//
// A train is packets of one message that follow each other on a link without a gap. When there would be more
// slices than `most`, neighbours on a link become one wherever the gap between them is at most gap_fs(),
// which grows until half as many are left; from then on trains join at once. Busy times, bytes and packets
// add up, so the sums over a link stay exact.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "models/clocked/system_observer.hpp"

namespace anzan::sim {

class LinkRecorder : public models::clocked::SystemObserver {
 public:
  static constexpr std::size_t kMostSlices = 100'000;

  struct Slice {
    std::int64_t begin_fs = 0, end_fs = 0;
    std::int64_t busy_fs = 0, bytes = 0, packets = 0;  // headers too
    std::int64_t trains = 0;
    int source = 0, destination = 0;  // of the first message
    std::uint64_t message = 0;        // the last message
  };

  // At most `most` slices, or two a link if that is more.
  explicit LinkRecorder(std::size_t links, std::size_t most = kMostSlices);

  void carries(const models::Occupation& occupation) override;
  void arrives(const models::clocked::Transfer& transfer) override { transfers_.push_back(transfer); }

  const std::vector<std::vector<Slice>>& links() const { return links_; }  // each in the order of time
  const std::vector<models::clocked::Transfer>& transfers() const { return transfers_; }
  std::int64_t gap_fs() const { return gap_fs_; }  // -1: every train has a slice of its own

 private:
  bool join(Slice& slice, const Slice& next) const;
  void join_neighbours();

  std::vector<std::vector<Slice>> links_;
  std::vector<models::clocked::Transfer> transfers_;
  std::size_t most_, count_ = 0;
  std::int64_t gap_fs_ = -1;
};

}  // namespace anzan::sim
