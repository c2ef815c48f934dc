// Work that a signal must not end in the middle.
#pragma once
#include <csignal>

namespace anzan::sim {

// While it lives, SIGINT, SIGTERM and SIGALRM do not reach this thread, nor threads that it starts then,
// ever. They wait if no other thread takes them: threads beside the first one take none.
class SignalsWait {
 public:
  SignalsWait();
  ~SignalsWait();
  SignalsWait(const SignalsWait&) = delete;
  SignalsWait& operator=(const SignalsWait&) = delete;

 private:
  sigset_t before_;
};

}  // namespace anzan::sim
