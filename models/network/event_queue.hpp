// Events by time, for a simulation that never goes back: a radix heap (Ahuja, Mehlhorn, Orlin and Tarjan,
// J. ACM 37(2), 1990). The order of events of the same time is not defined.
#pragma once
#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <vector>

namespace anzan::models {

class EventQueue {
 public:
  struct Event {
    std::int64_t time_fs;
    std::uint32_t code;
  };

  bool empty() const { return size_ == 0; }

  // Not before the time of the last event that was popped.
  void push(std::int64_t time_fs, std::uint32_t code) {
    Bucket& bucket = buckets_[bucket_of(time_fs)];
    bucket.events.push_back({time_fs, code});
    bucket.first_fs = std::min(bucket.first_fs, time_fs);
    ++size_;
  }

  // Of a queue that is not empty.
  std::int64_t next_fs() const {
    std::size_t b = 0;
    while (buckets_[b].events.empty()) ++b;
    return buckets_[b].first_fs;
  }

  // One of the first events of a queue that is not empty.
  Event pop() {
    if (buckets_[0].events.empty()) refill();
    const Event event = buckets_[0].events.back();
    buckets_[0].events.pop_back();
    --size_;
    return event;
  }

 private:
  struct Bucket {  // b > 0: times whose highest bit unlike that of last_fs_ is bit b - 1
    std::vector<Event> events;
    std::int64_t first_fs = std::numeric_limits<std::int64_t>::max();
  };

  std::size_t bucket_of(std::int64_t time_fs) const {
    const auto unlike = static_cast<std::uint64_t>(time_fs ^ last_fs_);
    return unlike == 0 ? 0 : static_cast<std::size_t>(64 - __builtin_clzll(unlike));
  }

  void refill() {
    std::size_t b = 1;
    while (buckets_[b].events.empty()) ++b;
    last_fs_ = buckets_[b].first_fs;
    buckets_[0].first_fs = last_fs_;
    for (const Event& event : buckets_[b].events) {
      Bucket& bucket = buckets_[bucket_of(event.time_fs)];
      bucket.events.push_back(event);
      bucket.first_fs = std::min(bucket.first_fs, event.time_fs);
    }
    buckets_[b].events.clear();
    buckets_[b].first_fs = std::numeric_limits<std::int64_t>::max();
  }

  std::array<Bucket, 65> buckets_;
  std::int64_t last_fs_ = 0;
  std::size_t size_ = 0;
};

}  // namespace anzan::models
