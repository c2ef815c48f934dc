// One mutex for all that the team shares, and a counter that who waits awake looks at.
#include "sim/engines/thread_team.hpp"

#include <algorithm>
#include <chrono>
#include <stdexcept>
#include <string>
#include <system_error>

#include "sim/host/signals_wait.hpp"

namespace anzan::sim {
namespace {

// How long a thread waits awake: longer than most parts of work take, short against a time slice.
constexpr std::chrono::microseconds kAwake{50};
// How often it tries the mutex. Who holds it needs a fraction of a microsecond, unless it has lost its
// processor.
constexpr int kTries = 200;

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

void ThreadTeam::Lock::take() {
  for (int k = 0; k < kTries; ++k) {
    if (lock_.try_lock()) return;
    relax();
  }
  lock_.lock();
}

ThreadTeam::ThreadTeam(int threads) {
  if (threads < 1)
    throw std::invalid_argument("thread team: found " + std::to_string(threads) +
                                " threads, expected at least 1");
  threads_.reserve(static_cast<std::size_t>(threads) - 1);
  const SignalsWait wait;  // signals are the calling thread's: it may be at what they must not end
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
    const Lock lock(mutex_);
    end_ = true;
    wake();
  }
  for (std::thread& thread : threads_) thread.join();
}

void ThreadTeam::run(Work& work) {
  Lock lock(mutex_);
  work_ = &work;
  while (!work.over())
    if (!work.take_part(lock, 0)) wait(lock);
  work_ = nullptr;
}

void ThreadTeam::wake() {
  changes_.fetch_add(1, std::memory_order_relaxed);
  if (asleep_ > 0) wake_.notify_all();
}

void ThreadTeam::wait(Lock& lock) {
  const std::uint64_t seen = changes_.load(std::memory_order_relaxed);
  const auto changed = [&] { return changes_.load(std::memory_order_relaxed) != seen; };
  ++waiting_;
  lock.give();
  const bool awake = wait_awake(changed);
  lock.take();
  if (!awake) {
    ++asleep_;
    wake_.wait(lock.get(), changed);
    --asleep_;
  }
  --waiting_;
}

void ThreadTeam::member_loop(int member) {
  Lock lock(mutex_);
  while (!end_)
    if (work_ == nullptr || !work_->take_part(lock, member)) wait(lock);
}

}  // namespace anzan::sim
