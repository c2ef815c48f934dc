// SIGINT and SIGTERM as a question instead of an event: while a guard lives, both wait until asked for.
#pragma once
#include <csignal>

namespace anzan::sim {

// Blocks the two signals in this thread and in the threads it starts from then on. Signals that nobody
// has asked for act as usual when the guard ends.
class InterruptGuard {
 public:
  InterruptGuard();
  ~InterruptGuard();
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;

  // Whether one has arrived since the start; it has then been taken and ends nothing else.
  bool interrupted();

 private:
  sigset_t signals_, before_;
  bool interrupted_ = false;
};

}  // namespace anzan::sim
