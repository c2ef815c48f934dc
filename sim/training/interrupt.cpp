// The handlers do what handlers may: atomics of their own, write, alarm and _exit.
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
  char first[200], second[160], late[160];
};
std::array<Texts, 2> texts;  // the one that is not said can be written
std::atomic<const Texts*> said{&texts[0]};
static_assert(std::atomic<const Texts*>::is_always_lock_free);

void say(const char* text) {
  const ssize_t written = ::write(STDERR_FILENO, text, std::strlen(text));
  static_cast<void>(written);
}

constexpr unsigned kPatienceSeconds = 2;

void on_interrupt(int /*signal*/) {
  int before = kRemembers;
  if (state.compare_exchange_strong(before, kInterrupted)) {
    ::alarm(kPatienceSeconds);
    return say(said.load()->first);
  }
  say(before == kInterrupted ? said.load()->second : before_anything.load());
  ::_exit(1);
}

void on_alarm(int /*signal*/) {
  say(said.load()->late);
  ::_exit(1);
}

}  // namespace

InterruptGuard::InterruptGuard(const char* message)
    : interrupt_{}, terminate_{}, alarm_{}, before_{before_anything.exchange(message)} {
  struct sigaction action {};
  action.sa_handler = on_interrupt;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  sigaddset(&action.sa_mask, SIGINT);
  sigaddset(&action.sa_mask, SIGTERM);
  sigaddset(&action.sa_mask, SIGALRM);
  state = kNothingToKeep;
  ::sigaction(SIGINT, &action, &interrupt_);
  ::sigaction(SIGTERM, &action, &terminate_);
  action.sa_handler = on_alarm;
  ::sigaction(SIGALRM, &action, &alarm_);
}

InterruptGuard::~InterruptGuard() {
  ::sigaction(SIGINT, &interrupt_, nullptr);
  ::sigaction(SIGTERM, &terminate_, nullptr);
  ::alarm(0);
  ::sigaction(SIGALRM, &alarm_, nullptr);
  before_anything = before_;
}

void InterruptGuard::remember(std::optional<std::int64_t> checkpoint) {
  Texts& next = said.load() == &texts[0] ? texts[1] : texts[0];
  char kept[64] = "no checkpoint";
  if (checkpoint)
    std::snprintf(kept, sizeof kept, "the checkpoint of step %lld", static_cast<long long>(*checkpoint));
  std::snprintf(
      next.first, sizeof next.first,
      "\nanzan: interrupted; this step is kept if it ends within %u seconds (a second signal ends at "
      "once, and leaves %s)\n",
      kPatienceSeconds, kept);
  std::snprintf(next.second, sizeof next.second,
                "\nanzan: interrupted again: ended within a step; there is %s\n", kept);
  std::snprintf(next.late, sizeof next.late,
                "\nanzan: interrupted: ended within a step, which takes longer; there is %s\n", kept);
  said = &next;
  int nothing = kNothingToKeep;
  state.compare_exchange_strong(nothing, kRemembers);
}

void InterruptGuard::remember_best() {
  remember("the best so far is kept (a second signal ends at once, without it)", "nothing is kept",
           "nothing is kept");
}

void InterruptGuard::remember_parts() {
  remember("all that is done is kept", "all that was done is kept", "all that was done is kept");
}

void InterruptGuard::remember(const char* first, const char* second, const char* late) {
  Texts& next = said.load() == &texts[0] ? texts[1] : texts[0];
  std::snprintf(next.first, sizeof next.first, "\nanzan: interrupted; %s\n", first);
  std::snprintf(next.second, sizeof next.second, "\nanzan: interrupted again: ended at once; %s\n", second);
  std::snprintf(next.late, sizeof next.late, "\nanzan: interrupted: ended after %u seconds; %s\n",
                kPatienceSeconds, late);
  said = &next;
  int nothing = kNothingToKeep;
  state.compare_exchange_strong(nothing, kRemembers);
}

bool InterruptGuard::interrupted() const {
  if (state != kInterrupted) return false;
  ::alarm(0);
  return true;
}

}  // namespace anzan::sim
