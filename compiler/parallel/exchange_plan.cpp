// An event is a task that can begin; links are taken in the order of events.
#include "compiler/parallel/exchange_plan.hpp"

#include <algorithm>
#include <functional>
#include <map>
#include <queue>
#include <utility>

namespace anzan::compiler {
namespace {

class Planner {
 public:
  Planner(const std::vector<SegmentPlan>& segments, std::size_t places) : segments_(segments) {
    for (std::size_t k = 0; k < segments.size(); ++k) coming_.push({segments[k].ready, k});
    for (std::size_t p = 0; p < places; ++p) free_.push(p);
  }

  std::vector<PlannedTask> run() {
    while (!events_.empty() || !coming_.empty()) {
      const std::int64_t now = next();
      begin_segments(now);
      while (!events_.empty() && events_.top().possible == now) {
        const Event event = events_.top();
        events_.pop();
        begin(event);
      }
    }
    return std::move(plan_);
  }

 private:
  using Ready = std::pair<std::int64_t, std::size_t>;  // cycle or need, segment
  template <class T>
  using Earliest = std::priority_queue<T, std::vector<T>, std::greater<T>>;
  struct Event {
    std::int64_t possible, number;
    std::size_t segment, task, place;
    bool operator>(const Event& e) const {
      return std::pair(possible, number) > std::pair(e.possible, e.number);
    }
  };

  // Also moments in which nothing can begin because all places are taken.
  std::int64_t next() const {
    if (events_.empty()) return coming_.top().first;
    const std::int64_t event = events_.top().possible;
    return coming_.empty() ? event : std::min(event, coming_.top().first);
  }

  void begin_segments(std::int64_t now) {
    for (; !coming_.empty() && coming_.top().first <= now; coming_.pop())
      waiting_.push({segments_[coming_.top().second].need, coming_.top().second});
    for (; !waiting_.empty() && !free_.empty(); waiting_.pop(), free_.pop())
      add(now, waiting_.top().second, 0, free_.front());
  }

  void add(std::int64_t possible, std::size_t segment, std::size_t task, std::size_t place) {
    events_.push({possible, events_so_far_++, segment, task, place});
  }

  void begin(const Event& e) {
    const SegmentPlan& segment = segments_[e.segment];
    if (e.task == segment.tasks.size()) {
      free_.push(e.place);
      return begin_segments(e.possible);
    }
    const ExchangeTask& task = segment.tasks[e.task];
    std::int64_t over = e.possible + task.lead_cycles;
    if (task.link != ExchangeTask::kAlone) over = std::max(over, busy_[task.link]);
    over += task.busy_cycles;
    if (task.link != ExchangeTask::kAlone) busy_[task.link] = over;
    const std::int64_t finished = over + task.more_cycles;
    plan_.push_back({e.segment, e.task, e.place, e.possible, finished});
    add(finished, e.segment, e.task + 1, e.place);
  }

  const std::vector<SegmentPlan>& segments_;
  Earliest<Ready> coming_, waiting_;
  std::queue<std::size_t> free_;
  Earliest<Event> events_;
  std::int64_t events_so_far_ = 0;
  std::map<int, std::int64_t> busy_;  // of each link: until when
  std::vector<PlannedTask> plan_;
};

}  // namespace

std::vector<PlannedTask> plan_exchange(const std::vector<SegmentPlan>& segments, std::size_t places) {
  return Planner(segments, places).run();
}

}  // namespace anzan::compiler
