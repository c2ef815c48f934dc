// SIGINT and SIGTERM. While a guard lives, neither ends the process without a word.
#pragma once
#include <csignal>
#include <cstdint>
#include <optional>

namespace anzan::sim {

class InterruptGuard {
 public:
  static constexpr const char* kBeforeItsEnd = "\nanzan: interrupted before the end\n";
  static constexpr const char* kBeforeTheFirstStep = "\nanzan: interrupted before the first step\n";

  // From now on a signal ends the process at once, with this message and exit status 1: there is nothing to
  // keep.
  explicit InterruptGuard(const char* message);
  // Signals act again as they did before.
  ~InterruptGuard();
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;

  // From now on the first signal is only remembered, with a message. The second, or two seconds in which
  // nobody asks for the first, end the process at once, and say that this step's checkpoint, or none, is
  // there. Again whenever there is another one.
  void remember(std::optional<std::int64_t> checkpoint);
  // The same for work that can end at any time with what it has.
  void remember_best();
  // The same for work of many parts, each of which is kept as soon as it is done.
  void remember_parts();
  // Whether there was one; then whoever asks ends in his own time.
  bool interrupted() const;

 private:
  // What the first signal says, and why the process ends without waiting.
  void remember(const char* first, const char* second, const char* late);

  struct sigaction interrupt_, terminate_, alarm_;
  const char* before_;
};

}  // namespace anzan::sim
