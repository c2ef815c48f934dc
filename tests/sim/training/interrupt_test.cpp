// Signals: what a process says when it ends, and that one alone is enough.
#include "sim/training/interrupt.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>

namespace anzan::sim::interrupt_test {
namespace {

using ::testing::ExitedWithCode;

// A step that never ends.
[[noreturn]] void work() {
  for (;;) ::pause();
}

TEST(Interrupt, EndsAtOnceWhereThereIsNothingToKeep) {
  const auto interrupted = [] {
    const InterruptGuard guard("nothing to keep");
    std::raise(SIGTERM);
    work();
  };
  EXPECT_EXIT(interrupted(), ExitedWithCode(1), "nothing to keep");
}

TEST(Interrupt, EndsWithinALongStep) {
  const auto interrupted = [](std::optional<std::int64_t> checkpoint) {
    InterruptGuard guard("");
    guard.remember(checkpoint);
    std::raise(SIGINT);
    work();
  };
  EXPECT_EXIT(interrupted(7), ExitedWithCode(1),
              "within a step, which takes longer; there is the checkpoint of step 7");
  EXPECT_EXIT(interrupted({}), ExitedWithCode(1), "there is no checkpoint");
}

TEST(Interrupt, EndsAtOnceAtTheSecondSignal) {
  const auto interrupted = [] {
    InterruptGuard guard("");
    guard.remember(7);
    std::raise(SIGINT);
    std::raise(SIGTERM);
    work();
  };
  EXPECT_EXIT(interrupted(), ExitedWithCode(1),
              "interrupted again: ended within a step; there is the checkpoint of step 7");
}

TEST(Interrupt, LeavesWhoAsksInTime) {
  InterruptGuard guard("");
  guard.remember(7);
  EXPECT_FALSE(guard.interrupted());
  std::raise(SIGINT);
  EXPECT_TRUE(guard.interrupted());
  EXPECT_EQ(::alarm(0), 0U);
}

TEST(Interrupt, LeavesNoAlarmBehind) {
  {
    InterruptGuard guard("");
    guard.remember(7);
    std::raise(SIGINT);
  }
  EXPECT_EQ(::alarm(0), 0U);
}

}  // namespace
}  // namespace anzan::sim::interrupt_test
