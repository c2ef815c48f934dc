// sigtimedwait needs no handler and so no global state.
#include "sim/training/interrupt.hpp"

#include <ctime>

namespace anzan::sim {

InterruptGuard::InterruptGuard() {
  sigemptyset(&signals_);
  sigaddset(&signals_, SIGINT);
  sigaddset(&signals_, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals_, &before_);
}

InterruptGuard::~InterruptGuard() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

bool InterruptGuard::interrupted() {
  const timespec at_once{0, 0};
  if (!interrupted_) interrupted_ = sigtimedwait(&signals_, nullptr, &at_once) > 0;
  return interrupted_;
}

}  // namespace anzan::sim
