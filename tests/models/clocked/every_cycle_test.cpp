// One call a clock cycle, in order, run after run; two kernels in a process; and exceptions come through.
#include "models/clocked/every_cycle.hpp"

#include <gtest/gtest.h>

#include <stdexcept>
#include <vector>

#include "models/clocked/core.hpp"

namespace anzan::models::clocked::every_cycle_test {
namespace {

TEST(EveryCycle, CallsOnceACycleFromZeroInEachRun) {
  EveryCycle clock(1'000'000);
  for (const std::int64_t last : {0, 1, 1000}) {
    std::vector<std::int64_t> seen;
    EXPECT_EQ(clock.run([&](std::int64_t cycle) { return seen.push_back(cycle), cycle == last; }), last);
    ASSERT_EQ(seen.size(), static_cast<std::size_t>(last) + 1);
    for (std::size_t k = 0; k < seen.size(); ++k) ASSERT_EQ(seen[k], static_cast<std::int64_t>(k));
  }
}

TEST(EveryCycle, LivesBesideAClockedCore) {
  ClockedCore core({});
  const isa::Program program{isa::End{}};
  const std::int64_t cycles = core.run(program).cycles;
  {
    EveryCycle clock(300);
    EXPECT_EQ(clock.run([](std::int64_t cycle) { return cycle == 7; }), 7);
    EXPECT_EQ(core.run(program).cycles, cycles);
    EXPECT_EQ(clock.run([](std::int64_t cycle) { return cycle == 9; }), 9);
  }
  EXPECT_EQ(core.run(program).cycles, cycles);
}

TEST(EveryCycle, ExceptionsComeThroughAndLeaveItUsable) {
  EXPECT_THROW(EveryCycle(0), std::invalid_argument);
  EveryCycle clock(1);
  const auto fail = [](std::int64_t cycle) { return cycle == 3 ? throw std::runtime_error("three") : false; };
  EXPECT_THROW(clock.run(fail), std::runtime_error);
  EXPECT_EQ(clock.run([](std::int64_t cycle) { return cycle == 5; }), 5);
}

}  // namespace
}  // namespace anzan::models::clocked::every_cycle_test
