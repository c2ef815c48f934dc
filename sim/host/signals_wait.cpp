// The mask of the calling thread; a new thread inherits it.
#include "sim/host/signals_wait.hpp"

namespace anzan::sim {

SignalsWait::SignalsWait() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGALRM);  // that one of them has been waited for long enough
  pthread_sigmask(SIG_BLOCK, &signals, &before_);
}

SignalsWait::~SignalsWait() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

}  // namespace anzan::sim
