// The handler does what a handler may: an atomic of its own, write and _exit.
#include "sim/training/interrupt.hpp"

#include <unistd.h>

#include <atomic>
#include <cstring>

namespace anzan::sim {
namespace {

enum State : int { kNothingToKeep, kRemembers, kInterrupted };
std::atomic<int> state{kNothingToKeep};
static_assert(std::atomic<int>::is_always_lock_free);

void say(const char* text) {
  const ssize_t written = ::write(STDERR_FILENO, text, std::strlen(text));
  static_cast<void>(written);
}

void on_interrupt(int /*signal*/) {
  int before = kRemembers;
  if (state.compare_exchange_strong(before, kInterrupted)) {
    return say("\nanzan: interrupted; this step is finished and kept (a second signal ends at once)\n");
  }
  say(before == kInterrupted ? "\nanzan: interrupted again: ended within a step\n"
                             : "\nanzan: interrupted before the first step\n");
  ::_exit(1);
}

}  // namespace

InterruptGuard::InterruptGuard() : interrupt_{}, terminate_{} {
  struct sigaction action {};
  action.sa_handler = on_interrupt;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  sigaddset(&action.sa_mask, SIGINT);
  sigaddset(&action.sa_mask, SIGTERM);
  state = kNothingToKeep;
  ::sigaction(SIGINT, &action, &interrupt_);
  ::sigaction(SIGTERM, &action, &terminate_);
}

InterruptGuard::~InterruptGuard() {
  ::sigaction(SIGINT, &interrupt_, nullptr);
  ::sigaction(SIGTERM, &terminate_, nullptr);
}

void InterruptGuard::remember() { state = kRemembers; }

bool InterruptGuard::interrupted() const { return state == kInterrupted; }

}  // namespace anzan::sim
