// A small persistent team of threads that take their work from one place. Made for parts of work of some
// microseconds: who finds nothing to do waits awake for a short time, then sleeps.
#pragma once
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>
#include <vector>

namespace anzan::sim {

// As many as are wanted; 0: as many as the machine has processors.
int thread_count(int wanted);

class ThreadTeam {
 public:
  // Holds the team's mutex, which is never held for long: so it is tried for a while before a thread sleeps
  // on it.
  class Lock {
   public:
    explicit Lock(std::mutex& mutex) : lock_(mutex, std::defer_lock) { take(); }
    void take();
    void give() { lock_.unlock(); }
    std::unique_lock<std::mutex>& get() { return lock_; }

   private:
    std::unique_lock<std::mutex> lock_;
  };

  // What the team does. All is called with the lock, by whichever member; nothing may throw.
  class Work {
   public:
    virtual ~Work() = default;
    // Takes a part and does it, giving the lock away meanwhile; false: there is nothing to take now.
    virtual bool take_part(Lock& lock, int member) = 0;
    // Nobody does a part, and there is none to take.
    virtual bool over() const = 0;
  };

  // `threads` counts the caller. Throws std::invalid_argument if it is below 1, std::system_error where the
  // machine does not start as many.
  explicit ThreadTeam(int threads);
  ~ThreadTeam();
  ThreadTeam(const ThreadTeam&) = delete;
  ThreadTeam& operator=(const ThreadTeam&) = delete;

  int size() const { return static_cast<int>(threads_.size()) + 1; }

  // Returns when the work is over; the caller, member 0, does its share, and all of it where nobody calls
  // wake(). Not reentrant.
  void run(Work& work);

  // Of the work, with the lock: there is more to take than the caller takes, or it is over and that is not
  // known to member 0. Who waits looks again.
  void wake();
  // Whether somebody waits; without the lock, it may just have changed.
  bool anyone_waits() const { return waiting_.load(std::memory_order_relaxed) > 0; }

 private:
  void end();
  void wait(Lock& lock);
  void member_loop(int member);

  std::mutex mutex_;  // for all of this; `changes_` and `waiting_` are read without it
  Work* work_ = nullptr;
  bool end_ = false;
  int asleep_ = 0;
  std::condition_variable wake_;
  std::vector<std::thread> threads_;
  alignas(64) std::atomic<std::uint64_t> changes_{0};  // grows for those who wait
  alignas(64) std::atomic<int> waiting_{0};
};

}  // namespace anzan::sim
