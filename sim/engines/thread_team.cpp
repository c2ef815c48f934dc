// The thread team: a task is published by opening a gate; its pieces are taken from a shared counter.
#include "sim/engines/thread_team.hpp"

#include <algorithm>
#include <chrono>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>

namespace anzan::sim {
namespace {

// How long a thread waits awake: longer than the usual gap between two tasks, short against a time slice.
constexpr std::chrono::microseconds kAwake{50};

// Parts of the gate.
constexpr std::uint64_t kMembers = 0x7fff, kOpen = 0x8000, kTask = 0x10000;

void relax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

// Waits awake until `ready`; false if the time is over.
template <class Ready>
bool wait_awake(Ready ready) {
  const auto start = std::chrono::steady_clock::now();
  do {
    for (int spin = 0; spin < 64; ++spin) {
      if (ready()) return true;
      relax();
    }
  } while (std::chrono::steady_clock::now() - start < kAwake);
  return ready();
}

}  // namespace

int thread_count(int wanted) {
  return wanted > 0 ? wanted : std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

ThreadTeam::ThreadTeam(int threads) {
  if (threads < 1)
    throw std::invalid_argument("thread team: found " + std::to_string(threads) +
                                " threads, expected at least 1");
  threads_.reserve(static_cast<std::size_t>(threads) - 1);
  try {
    for (int member = 1; member < threads; ++member)
      threads_.emplace_back([this, member] { member_loop(member); });
  } catch (const std::system_error& error) {
    const std::size_t started = threads_.size();
    end();
    throw std::system_error(error.code(), "cannot start thread " + std::to_string(started + 2) + " of " +
                                              std::to_string(threads) + " (--threads takes fewer)");
  }
}

ThreadTeam::~ThreadTeam() { end(); }

void ThreadTeam::end() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    end_ = true;
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void ThreadTeam::run(std::int64_t iterations, std::int64_t grain, const Task& task) {
  if (threads_.empty() || iterations <= grain) {
    if (iterations > 0) task(0, 0, iterations);
    return;
  }
  task_ = &task;
  iterations_ = iterations;
  grain_ = std::max<std::int64_t>(grain, 1);
  next_ = 0;
  gate_ = (gate_ & ~(kTask - 1)) + kTask + kOpen;
  if (asleep_ > 0) {
    { const std::lock_guard<std::mutex> lock(mutex_); }  // who is about to sleep does so first
    wake_.notify_all();
  }
  work(0);
  gate_ &= ~kOpen;
  const auto idle = [this] { return (gate_ & kMembers) == 0; };
  if (!wait_awake(idle)) {
    std::unique_lock<std::mutex> lock(mutex_);
    caller_asleep_ = true;
    done_.wait(lock, idle);
    caller_asleep_ = false;
  }
  if (!failed_) return;
  failed_ = false;
  const std::lock_guard<std::mutex> lock(mutex_);
  std::rethrow_exception(std::exchange(error_, nullptr));
}

void ThreadTeam::work(int member) {
  try {
    for (std::int64_t first; (first = next_.fetch_add(grain_)) < iterations_;)
      (*task_)(member, first, std::min(first + grain_, iterations_));
  } catch (...) {
    next_ = iterations_;
    const std::lock_guard<std::mutex> lock(mutex_);
    if (!error_) error_ = std::current_exception();
    failed_ = true;
  }
}

bool ThreadTeam::enter(std::uint64_t& seen) {
  for (;;) {
    const auto ready = [&] {
      const std::uint64_t gate = gate_;
      return end_ || ((gate & kOpen) != 0 && gate / kTask != seen);
    };
    if (!wait_awake(ready)) {
      std::unique_lock<std::mutex> lock(mutex_);
      ++asleep_;
      wake_.wait(lock, ready);
      --asleep_;
    }
    if (end_) return false;
    std::uint64_t gate = gate_;
    while ((gate & kOpen) != 0 && gate / kTask != seen)
      if (gate_.compare_exchange_weak(gate, gate + 1)) {
        seen = gate / kTask;
        return true;
      }
  }
}

void ThreadTeam::leave() {
  if (((gate_.fetch_sub(1) - 1) & kMembers) != 0 || !caller_asleep_) return;
  const std::lock_guard<std::mutex> lock(mutex_);
  done_.notify_one();
}

void ThreadTeam::member_loop(int member) {
  std::uint64_t seen = 0;
  while (enter(seen)) {
    work(member);
    leave();
  }
}

}  // namespace anzan::sim
