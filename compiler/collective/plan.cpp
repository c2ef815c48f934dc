// An event is a task that can begin; links are taken in the order of events.
#include "compiler/collective/plan.hpp"

#include <algorithm>
#include <functional>
#include <map>
#include <queue>
#include <utility>

namespace anzan::compiler {
namespace {

using TaskList = std::vector<PlanTask>;

template <class T>
using Earliest = std::priority_queue<T, std::vector<T>, std::greater<T>>;

class Planner {
 public:
  Planner(const std::vector<SegmentPlan>& segments, const std::vector<std::size_t>& places,
          int buffer_packets)
      : segments_(segments),
        buffer_packets_(static_cast<std::size_t>(buffer_packets)),
        kinds_(places.size()),
        under_way_(segments.size()) {
    for (std::size_t k = 0; k < segments.size(); ++k) coming_.push({segments[k].ready, k});
    for (std::size_t kind = 0; kind < places.size(); ++kind)
      for (std::size_t p = 0; p < places[kind]; ++p) kinds_[kind].free.push(p);
  }

  std::vector<PlannedTask> run() {
    while (!events_.empty() || !coming_.empty()) {
      const std::int64_t now = next();
      begin_segments(now);
      while (!events_.empty() && events_.top().possible == now) {
        const Event event = events_.top();
        events_.pop();
        event.task == kNoTask ? end(event) : begin(event);
      }
    }
    return std::move(plan_);
  }

 private:
  using Ready = std::pair<std::int64_t, std::size_t>;  // cycle or need, segment
  struct Event {
    std::int64_t possible, number;
    std::size_t segment, task;  // kNoTask: all of the segment has ended
    bool operator>(const Event& e) const {
      return std::pair(possible, number) > std::pair(e.possible, e.number);
    }
  };
  struct Kind {
    std::queue<std::size_t> free;
    Earliest<Ready> waiting;
  };
  struct Link {
    std::int64_t busy = 0;              // until when
    std::queue<std::int64_t> answered;  // when each packet is, of those that may not be yet
  };
  struct UnderWay {
    std::size_t place = 0, left = 0;                          // tasks that have not begun
    std::vector<std::pair<std::size_t, std::int64_t>> waits;  // of each task: for so many, and until when
    std::int64_t end = 0;
  };

  // Also moments in which nothing can begin because all places are taken.
  std::int64_t next() const {
    if (events_.empty()) return coming_.top().first;
    const std::int64_t event = events_.top().possible;
    return coming_.empty() ? event : std::min(event, coming_.top().first);
  }

  void begin_segments(std::int64_t now) {
    for (; !coming_.empty() && coming_.top().first <= now; coming_.pop()) {
      const std::size_t s = coming_.top().second;
      kinds_.at(segments_[s].kind).waiting.push({segments_[s].need, s});
    }
    for (Kind& kind : kinds_) {
      for (; !kind.waiting.empty() && !kind.free.empty(); kind.waiting.pop(), kind.free.pop())
        begin_segment(now, kind.waiting.top().second, kind.free.front());
    }
  }

  void begin_segment(std::int64_t now, std::size_t segment, std::size_t place) {
    const TaskList& tasks = *segments_[segment].tasks;
    UnderWay& u = under_way_[segment];
    u.place = place;
    u.left = tasks.size();
    u.waits.resize(tasks.size());
    for (std::size_t t = 0; t < tasks.size(); ++t) {
      u.waits[t] = {tasks[t].after.size(), now};
      if (tasks[t].after.empty()) add(now, segment, t);
    }
  }

  void add(std::int64_t possible, std::size_t segment, std::size_t task) {
    events_.push({possible, events_so_far_++, segment, task});
  }

  void begin(const Event& e) {
    const TaskList& tasks = *segments_[e.segment].tasks;
    const PlanTask& task = tasks[e.task];
    std::int64_t over = e.possible + task.lead_cycles;
    if (task.link == PlanTask::kAlone)
      over += task.busy_cycles;
    else
      over = carry(task, over);
    const std::int64_t finished = over + task.more_cycles;
    UnderWay& u = under_way_[e.segment];
    plan_.push_back({e.segment, e.task, u.place, e.possible, finished});
    u.end = std::max(u.end, finished);
    for (const std::size_t later : followers(segments_[e.segment].tasks.get())[e.task]) {
      auto& [waits_for, until] = u.waits[later];
      until = std::max(until, finished);
      if (--waits_for == 0) add(until, e.segment, later);
    }
    if (--u.left == 0) add(u.end, e.segment, kNoTask);
  }

  // From this cycle on; returns when its link is free again.
  std::int64_t carry(const PlanTask& task, std::int64_t now) {
    Link& link = links_[task.link];
    now = std::max(now, link.busy);
    if (task.packets == 0 || buffer_packets_ == 0) return link.busy = now + task.busy_cycles;
    for (std::int64_t p = 0; p < task.packets; ++p) {
      if (link.answered.size() == buffer_packets_) {
        now = std::max(now, link.answered.front());
        link.answered.pop();
      }
      now += task.busy_cycles * (p + 1) / task.packets - task.busy_cycles * p / task.packets;
      link.answered.push(now + 2 * task.more_cycles);
    }
    return link.busy = now;
  }

  void end(const Event& e) {
    UnderWay& u = under_way_[e.segment];
    kinds_[segments_[e.segment].kind].free.push(u.place);
    u.waits = {};
    begin_segments(e.possible);
  }

  // Of each task. Segments that are alike share their tasks.
  const std::vector<std::vector<std::size_t>>& followers(const TaskList* tasks) {
    auto& result = followers_[tasks];
    if (!result.empty()) return result;
    result.resize(tasks->size());
    for (std::size_t t = 0; t < tasks->size(); ++t)
      for (const std::size_t earlier : (*tasks)[t].after) result.at(earlier).push_back(t);
    return result;
  }

  const std::vector<SegmentPlan>& segments_;
  std::size_t buffer_packets_;
  Earliest<Ready> coming_;
  std::vector<Kind> kinds_;
  std::vector<UnderWay> under_way_;
  Earliest<Event> events_;
  std::int64_t events_so_far_ = 0;
  std::map<int, Link> links_;
  std::map<const TaskList*, std::vector<std::vector<std::size_t>>> followers_;
  std::vector<PlannedTask> plan_;
};

// Moves what says that places are free: behind what the message that waits for it before has. Each stands
// before its message still, since it followed only what is long before that.
class Credits {
 public:
  Credits(const std::vector<SegmentPlan>& segments, std::vector<PlannedTask> plan)
      : segments_(segments), plan_(std::move(plan)), known_(segments.size()) {
    for (const PlannedTask& p : plan_) {
      const PlanTask& task = (*segments_[p.segment].tasks)[p.task];
      if (task.credit == kNoTask) continue;
      lines_[task.credit_semaphore].push({p.segment, task.credit});
      known_[p.segment].resize(segments_[p.segment].tasks->size());
      known_[p.segment][task.credit] = {task.credit_semaphore, nullptr};
    }
  }

  std::vector<PlannedTask> in_order() {
    if (lines_.empty()) return std::move(plan_);
    std::vector<PlannedTask> result;
    result.reserve(plan_.size());
    for (const PlannedTask& p : plan_) {
      Known* known = known_[p.segment].empty() ? nullptr : &known_[p.segment][p.task];
      if (known == nullptr || known->semaphore == 0) {
        result.push_back(p);
        continue;
      }
      known->planned = &p;
      auto& line = lines_[known->semaphore];
      for (; !line.empty(); line.pop()) {
        const PlannedTask* first = known_[line.front().first][line.front().second].planned;
        if (first == nullptr) break;
        result.push_back(*first);
      }
    }
    return result;
  }

 private:
  struct Known {
    std::uint32_t semaphore = 0;           // 0: it says nothing
    const PlannedTask* planned = nullptr;  // once it could begin
  };
  const std::vector<SegmentPlan>& segments_;
  std::vector<PlannedTask> plan_;
  std::vector<std::vector<Known>> known_;  // of each segment and task; none of segments without
  std::map<std::uint32_t, std::queue<std::pair<std::size_t, std::size_t>>> lines_;
};

}  // namespace

std::vector<PlannedTask> plan_segments(const std::vector<SegmentPlan>& segments,
                                       const std::vector<std::size_t>& places, int buffer_packets) {
  return Credits(segments, Planner(segments, places, buffer_packets).run()).in_order();
}

}  // namespace anzan::compiler
