// SIGINT and SIGTERM. While a guard lives, neither ends the process without a word.
#pragma once
#include <csignal>

namespace anzan::sim {

class InterruptGuard {
 public:
  // From now on a signal ends the process at once, with a message and exit status 1: there is nothing to
  // keep.
  InterruptGuard();
  // Signals act again as they did before.
  ~InterruptGuard();
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;

  // From now on the first signal is only remembered, with a message; the second ends the process at once.
  void remember();
  // Whether there was one.
  bool interrupted() const;

 private:
  struct sigaction interrupt_, terminate_;
};

}  // namespace anzan::sim
