// A small persistent team of threads that shares the iterations of one task. Made for tasks of some
// microseconds in quick succession: a member waits for the next one awake for a short time, then sleeps.
#pragma once
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace anzan::sim {

// As many as are wanted; 0: as many as the machine has processors.
int thread_count(int wanted);

class ThreadTeam {
 public:
  // Runs iterations [first, last) as member `member`.
  using Task = std::function<void(int member, std::int64_t first, std::int64_t last)>;

  // `threads` counts the caller. Throws std::invalid_argument if it is below 1, std::system_error where the
  // machine does not start as many.
  explicit ThreadTeam(int threads);
  ~ThreadTeam();
  ThreadTeam(const ThreadTeam&) = delete;
  ThreadTeam& operator=(const ThreadTeam&) = delete;

  int size() const { return static_cast<int>(threads_.size()) + 1; }

  // Splits [0, iterations) into pieces of at most `grain` and returns when all have run, the caller working
  // too. A piece runs once, on any member; the first exception of the task is thrown on. Not reentrant.
  void run(std::int64_t iterations, std::int64_t grain, const Task& task);

 private:
  void end();
  void member_loop(int member);
  void work(int member);
  bool enter(std::uint64_t& seen);  // waits for a task and joins it; false: the team ends
  void leave();

  // Written by the caller before it opens the gate; read only by members that have passed it.
  const Task* task_ = nullptr;
  std::int64_t iterations_ = 0, grain_ = 1;

  alignas(64) std::atomic<std::int64_t> next_{0};
  // Number of the task (upper bits), whether members may still join it, and how many are at work. A member
  // that comes late, because the machine is busy, is not waited for.
  alignas(64) std::atomic<std::uint64_t> gate_{0};
  std::atomic<bool> end_{false};
  // Who is awake takes the mutex only where another sleeps or a task has failed. Who goes to sleep says so
  // before it looks at the gate once more, and who moves the gate asks afterwards: one of them sees the
  // other.
  std::mutex mutex_;  // for sleeping, and for `error_`
  std::condition_variable wake_, done_;
  std::atomic<int> asleep_{0};
  std::atomic<bool> caller_asleep_{false}, failed_{false};
  std::exception_ptr error_;
  std::vector<std::thread> threads_;
};

}  // namespace anzan::sim
