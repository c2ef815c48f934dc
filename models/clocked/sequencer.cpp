// Evaluates only cycles in which something can happen: an instruction has been fetched, or a unit was
// started, filled or finished in the cycle before.
#include "models/clocked/sequencer.hpp"

#include <algorithm>

namespace anzan::models::clocked {

Sequencer::Sequencer(const sc_core::sc_module_name& name, const Clock& clock, int queue_depth)
    : sc_core::sc_module(name),
      units("unit", isa::kWorkers),
      clock_(clock),
      queue_depth_(static_cast<std::size_t>(queue_depth)) {
  SC_METHOD(step);
  sensitive << wake_;
  dont_initialize();
}

void Sequencer::begin(const std::vector<Job>& jobs) {
  jobs_ = &jobs;
  next_ = 0;
  fetched_ = jobs.front().fetch_cycles;
  queues_ = {};
  semaphores_ = {};
  completions_.clear();
  arrivals_.clear();
  timing_.assign(jobs.size(), {-1, -1, -1, -1});
  ended_ = false;
  failure_ = nullptr;
  clock_.notify(wake_, fetched_);
}

std::size_t Sequencer::first_waiting() const {
  const auto waits = [](const InstructionTiming& t) { return t.started < 0; };
  return static_cast<std::size_t>(std::find_if(timing_.begin(), timing_.end(), waits) - timing_.begin());
}

void Sequencer::worked(const Job& job) { timing_[job.index].worked = clock_.cycle(); }

void Sequencer::done(const Job& job) {
  const std::int64_t now = clock_.cycle();
  timing_[job.index].ended = now;
  completions_.push_back({now, &job, job.signal, job.leaves ? 0 : job.remote_signal});
  clock_.notify(wake_, now + 1);
}

void Sequencer::arrived(std::uint32_t semaphores) {
  const std::int64_t now = clock_.cycle();
  arrivals_.push_back({now, semaphores});
  completions_.push_back({now, nullptr, 0, semaphores});
  clock_.notify(wake_, now + 1);
}

void Sequencer::step() {
  const std::int64_t now = clock_.cycle();
  take_completions(now);
  if (failure_) return;
  isa::PerWorker<std::size_t> occupied;
  for (std::size_t u = 0; u < isa::kWorkers; ++u) occupied[u] = queues_[u].jobs.size();
  const bool started = start_units(now);
  const bool issued = issue(now, occupied);
  for (Queue& queue : queues_) queue.length = static_cast<unsigned>(queue.jobs.size());
  if (ended_ || failure_) return;
  if (started || issued || !completions_.empty()) clock_.notify(wake_, now + 1);
  if (fetched_ > now) clock_.notify(wake_, fetched_);
}

void Sequencer::take_completions(std::int64_t now) {
  const auto later = std::stable_partition(completions_.begin(), completions_.end(),
                                           [now](const Completion& c) { return c.cycle < now; });
  for (auto c = completions_.begin(); c != later; ++c) {
    if (c->job != nullptr) queues_[isa::worker_number(c->job->unit)].busy = false;
    for (std::size_t s = 0; s < semaphores_.size(); ++s)
      semaphores_[s] += (c->signal >> s & 1) + (c->arrived >> s & 1);
  }
  completions_.erase(completions_.begin(), later);
}

bool Sequencer::take(std::uint32_t wait) {
  for (std::size_t s = 0; s < semaphores_.size(); ++s) {
    if ((wait >> s & 1) != 0 && semaphores_[s] == 0) return false;
  }
  for (std::size_t s = 0; s < semaphores_.size(); ++s) semaphores_[s] -= wait >> s & 1;
  return true;
}

// In the order of the units: the first takes what two wait for.
bool Sequencer::start_units(std::int64_t now) {
  bool any = false;
  for (std::size_t u = 0; u < isa::kWorkers; ++u) {
    Queue& queue = queues_[u];
    if (queue.busy || queue.jobs.empty()) continue;
    const Job& job = *queue.jobs.front();  // issued in an earlier cycle: issue() comes later in a step
    if (!take(job.wait)) continue;
    queue.jobs.pop_front();
    queue.busy = true;
    timing_[job.index].started = now;
    try {
      units[static_cast<unsigned>(u)]->start(job);
    } catch (...) {
      failure_ = std::current_exception();
      return false;
    }
    any = true;
  }
  return any;
}

// One instruction a cycle at most. A place that was freed in this cycle can be filled in the next.
bool Sequencer::issue(std::int64_t now, const isa::PerWorker<std::size_t>& occupied) {
  if (ended_ || now < fetched_) return false;
  const Job& job = (*jobs_)[next_];
  if (job.unit == isa::Unit::kSequencer) {
    const auto drained = [](const Queue& queue) { return queue.jobs.empty() && !queue.busy; };
    ended_ = std::all_of(queues_.begin(), queues_.end(), drained);
    if (ended_) {
      timing_[next_] = {now, now, now, now};
      end_cycle_ = now;
    }
    return false;
  }
  const std::size_t unit = isa::worker_number(job.unit);
  if (occupied[unit] >= queue_depth_) return false;
  queues_[unit].jobs.push_back(&job);
  timing_[next_].issued = now;
  watch_.done();
  ++next_;
  fetched_ = now + 1 + (*jobs_)[next_].fetch_cycles;
  return true;
}

void Sequencer::trace(sc_core::sc_trace_file* file) const {
  const std::string prefix = name();
  for (std::size_t u = 0; u < isa::kWorkers; ++u) {
    const std::string unit = prefix + "." + isa::name(isa::worker(u));
    sc_core::sc_trace(file, queues_[u].length, unit + "_queue");
    sc_core::sc_trace(file, queues_[u].busy, unit + "_busy");
  }
  for (std::size_t s = 0; s < semaphores_.size(); ++s)
    sc_core::sc_trace(file, semaphores_[s], prefix + ".semaphore_" + std::to_string(s));
}

}  // namespace anzan::models::clocked
