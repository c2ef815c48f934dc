// Cycles of the clocked core: directed programs against numbers from its pages, random ones against a core
// that is simulated cycle by cycle.
#include <gtest/gtest.h>

#include <stdexcept>

#include "models/clocked/core.hpp"
#include "models/clocked/system.hpp"
#include "tests/models/clocked/random_schedule.hpp"
#include "tests/models/clocked/ticking_core.hpp"

namespace anzan::models::clocked::clocked_core_test {
namespace {

isa::Vector vector(int rows, bool analyse = false) {
  isa::Vector v;
  v.loops[7] = static_cast<std::uint16_t>(rows);
  v.analyse = analyse ? 1 : 0;
  return v;
}

ProgramTiming run(const isa::Program& program, const CoreParameters& parameters = {}) {
  return ClockedCore(parameters).run(program);
}

std::string differences(const ProgramTiming& found, const ProgramTiming& expected) {
  std::string text;
  for (std::size_t i = 0; i < expected.instructions.size() && text.size() < 400; ++i) {
    const InstructionTiming &f = found.instructions.at(i), &e = expected.instructions[i];
    const auto one = [&](const char* what, std::int64_t a, std::int64_t b) {
      if (a != b)
        text += "instruction " + std::to_string(i) + " " + what + " in " + std::to_string(a) + ", expected " +
                std::to_string(b) + "\n";
    };
    one("issued", f.issued, e.issued);
    one("started", f.started, e.started);
    one("worked", f.worked, e.worked);
    one("ended", f.ended, e.ended);
  }
  return text;
}

TEST(ClockedCore, DispatchTakesTheFetchAndACycle) {
  const ProgramTiming t = run({vector(10), isa::End{}});
  EXPECT_EQ(t.instructions[0].issued, 4);  // 59 words, 16 a cycle: cycles 0 to 3
  EXPECT_EQ(t.instructions[0].started, 5);
  EXPECT_EQ(t.instructions[0].worked, 5 + 21);
  EXPECT_EQ(t.instructions[0].ended, 5 + 21);
  EXPECT_EQ(t.cycles, 28);  // `end` sees the idle unit in cycle 27
}

TEST(ClockedCore, AFullQueueHoldsUpTheInstructionsBehind) {
  CoreParameters p;
  p.queue_depth = 1;
  const ProgramTiming t = run({vector(1000), vector(1), vector(1), isa::Settle{}, isa::End{}}, p);
  EXPECT_EQ(t.instructions[1].issued, 9);
  EXPECT_EQ(t.instructions[1].started, t.instructions[0].ended + 1);
  EXPECT_EQ(t.instructions[2].issued, t.instructions[1].started + 1);  // fetched long ago
  EXPECT_EQ(t.instructions[3].issued, t.instructions[2].issued + 2);   // one line, then its own cycle
}

TEST(ClockedCore, ASemaphoreCountsFromTheNextCycle) {
  isa::Settle raises, waits;
  isa::Vector v = vector(100);
  v.signal = 1;
  waits.wait = 1;
  const ProgramTiming t = run({v, waits, isa::End{}});
  EXPECT_EQ(t.instructions[1].started, t.instructions[0].ended + 1);
}

TEST(ClockedCore, MergesWaitForEachOther) {
  isa::Tensor tensor;
  tensor.analyse = 1;
  tensor.row_count = 16;
  tensor.loops[7] = 50;
  const std::int64_t work = 4 + 800 + 2 + 2 + 2;  // no reduced loop: 50 tiles of one step, 16 rows each
  const ProgramTiming alone = run({tensor, isa::End{}});
  EXPECT_EQ(alone.instructions[0].worked, alone.instructions[0].started + work);
  EXPECT_EQ(alone.instructions[0].ended, alone.instructions[0].worked + 10);
  // The vector unit's last write comes four cycles after the tensor unit's: it gets the database 10 cycles
  // after it.
  const std::int64_t rows = alone.instructions[0].worked + 4 - 10 - 11;  // starts in cycle 10
  const ProgramTiming both = run({tensor, vector(static_cast<int>(rows), true), isa::End{}});
  ASSERT_EQ(both.instructions[1].started, 10);
  ASSERT_EQ(both.instructions[1].worked, both.instructions[0].worked + 4);
  EXPECT_EQ(both.instructions[1].ended, both.instructions[0].ended + 10);
  EXPECT_EQ(both.database_wait_cycles, 6);
}

TEST(ClockedCore, ACoreSaysWhichInstructionWaitsForever) {
  isa::Settle waits;
  waits.wait = 4;
  try {
    run({isa::Settle{}, waits, isa::End{}});
    FAIL() << "no error";
  } catch (const isa::ProgramError& error) {
    EXPECT_EQ(error.place().instruction, 1U);
    EXPECT_EQ(error.place().field, "wait");
  }
}

TEST(ClockedCore, CopiesWithinHbmAreRefused) {
  isa::Copy c;
  c.src_space = c.dst_space = isa::Space::kHbm;
  EXPECT_THROW(run({c, isa::End{}}), isa::ProgramError);
}

TEST(ClockedCore, WhatTheMeaningThrowsComesOut) {
  struct Throws : Meaning {
    void execute(std::size_t instruction) override {
      if (instruction == 1) throw std::runtime_error("no meaning");
    }
  } meaning;
  ClockedCore core({});
  EXPECT_THROW(core.run({vector(10), vector(10), isa::End{}}, &meaning), std::runtime_error);
  EXPECT_EQ(core.run({vector(10), isa::End{}}).cycles, 28) << "the core can be used again";
}

TEST(ClockedCore, ParametersOutOfRangeAreRefused) {
  CoreParameters p;
  p.queue_depth = 0;
  EXPECT_THROW(ClockedCore{p}, std::invalid_argument);
  p = {};
  p.lanes = 5;
  EXPECT_THROW(ClockedCore{p}, std::invalid_argument);
}

CoreParameters parameters_of(std::uint64_t seed) {
  CoreParameters p;
  p.lanes = isa::kLanes[seed % isa::kLanes.size()];
  p.queue_depth = 1 + static_cast<int>(seed / 4 % 5) * 2;
  p.dma_outstanding = 1 << (seed / 3 % 8);
  p.clock_period_fs =
      seed % 3 == 0 ? 1'000'000 : 500'000 + static_cast<std::int64_t>(seed * 77'777 % 1'000'000);
  p.hbm.channels = 1 << (seed / 7 % 3);
  p.hbm.scheduling = seed % 2 == 0 ? HbmScheduling::kFrFcfs : HbmScheduling::kInOrder;
  return p;
}

class RandomPrograms : public ::testing::TestWithParam<int> {};

TEST_P(RandomPrograms, TakeTheCyclesOfTheTickingCore) {
  for (int n = 0; n < 15; ++n) {
    const auto seed = static_cast<std::uint64_t>(GetParam() * 15 + n);
    const CoreParameters p = parameters_of(seed);
    reference::ScheduleShape shape;
    shape.lanes = p.lanes;
    const isa::Program program = reference::random_schedule(seed, shape);
    const ProgramTiming expected = reference::tick(program, p), found = run(program, p);
    ASSERT_EQ(differences(found, expected), "") << "seed " << seed;
    ASSERT_EQ(found.cycles, expected.cycles) << "seed " << seed;
    ASSERT_EQ(found.database_wait_cycles, expected.database_wait_cycles) << "seed " << seed;
  }
}

TEST_P(RandomPrograms, DoNotDependOnTheOrderInWhichBlocksAreCreated) {
  const auto seed = static_cast<std::uint64_t>(GetParam());
  const CoreParameters p = parameters_of(seed);
  reference::ScheduleShape shape;
  shape.lanes = p.lanes;
  const isa::Program program = reference::random_schedule(seed, shape);
  const ProgramTiming expected = run(program, p);
  for (unsigned order = 1; order <= 6; ++order)
    ASSERT_EQ(differences(ClockedCore(p, {}, order).run(program), expected), "")
        << "seed " << seed << ", order " << order;
}

TEST_P(RandomPrograms, TakeTheSameCyclesInASystemOfOneCore) {
  for (std::uint64_t n = 0; n < 5; ++n) {
    const std::uint64_t seed = static_cast<std::uint64_t>(GetParam()) * 5 + n;
    const CoreParameters p = parameters_of(seed);
    reference::ScheduleShape shape;
    shape.lanes = p.lanes;
    const isa::Program program = reference::random_schedule(seed, shape);
    const ProgramTiming alone = run(program, p);
    const SystemTiming system = ClockedSystem(p, ChipsNetwork{}, PacketFormat{}, Alike{}).run({program});
    ASSERT_EQ(system.cores.size(), 1U);
    const ProgramTiming& found = system.cores.front();
    ASSERT_EQ(differences(found, alone), "") << "seed " << seed;
    ASSERT_EQ(found.cycles, alone.cycles) << "seed " << seed;
    ASSERT_EQ(found.database_wait_cycles, alone.database_wait_cycles) << "seed " << seed;
    ASSERT_EQ(found.hbm.row_hits, alone.hbm.row_hits) << "seed " << seed;
  }
}

TEST_P(RandomPrograms, TakeTheSameCyclesEveryTime) {
  const auto seed = static_cast<std::uint64_t>(GetParam());
  const CoreParameters p = parameters_of(seed);
  reference::ScheduleShape shape;
  shape.lanes = p.lanes;
  const isa::Program program = reference::random_schedule(seed, shape),
                     other = reference::random_schedule(seed + 1, shape);
  ClockedCore core(p);
  const ProgramTiming first = core.run(program);
  core.run(other);
  EXPECT_EQ(differences(core.run(program), first), "");
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomPrograms, ::testing::Range(0, 10));

}  // namespace
}  // namespace anzan::models::clocked::clocked_core_test
