// The handler does what a handler may: atomics of its own, write and _exit.
#include "sim/training/interrupt.hpp"

#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdio>
#include <cstring>

namespace anzan::sim {
namespace {

enum State : int { kNothingToKeep, kRemembers, kInterrupted };
std::atomic<int> state{kNothingToKeep};
static_assert(std::atomic<int>::is_always_lock_free);

std::atomic<const char*> before_anything{""};
struct Texts {
  char first[160], second[160];
};
std::array<Texts, 2> texts;  // the one that is not said can be written
std::atomic<const Texts*> said{&texts[0]};
static_assert(std::atomic<const Texts*>::is_always_lock_free);

void say(const char* text) {
  const ssize_t written = ::write(STDERR_FILENO, text, std::strlen(text));
  static_cast<void>(written);
}

void on_interrupt(int /*signal*/) {
  int before = kRemembers;
  if (state.compare_exchange_strong(before, kInterrupted)) return say(said.load()->first);
  say(before == kInterrupted ? said.load()->second : before_anything.load());
  ::_exit(1);
}

}  // namespace

InterruptGuard::InterruptGuard(const char* message)
    : interrupt_{}, terminate_{}, before_{before_anything.exchange(message)} {
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
  before_anything = before_;
}

void InterruptGuard::remember(std::optional<std::int64_t> checkpoint) {
  Texts& next = said.load() == &texts[0] ? texts[1] : texts[0];
  char kept[64] = "no checkpoint";
  if (checkpoint)
    std::snprintf(kept, sizeof kept, "the checkpoint of step %lld", static_cast<long long>(*checkpoint));
  std::snprintf(
      next.first, sizeof next.first,
      "\nanzan: interrupted; this step is finished and kept (a second signal ends at once, and leaves "
      "%s)\n",
      kept);
  std::snprintf(next.second, sizeof next.second,
                "\nanzan: interrupted again: ended within a step; there is %s\n", kept);
  said = &next;
  int nothing = kNothingToKeep;
  state.compare_exchange_strong(nothing, kRemembers);
}

bool InterruptGuard::interrupted() const { return state == kInterrupted; }

}  // namespace anzan::sim
