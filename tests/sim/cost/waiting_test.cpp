// Every cycle of every unit is accounted for, with the cause that a core watched cycle by cycle shows.
#include "sim/cost/waiting.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <stdexcept>

#include "isa/assembly.hpp"
#include "models/timing.hpp"
#include "tests/sim/clocked_program.hpp"

namespace anzan::sim::waiting_test {
namespace {

using testing::ClockedProgram;
using ::testing::HasSubstr;
using testing::random_clocked_program;

std::int64_t at(const WorkCycles& cycles, Work work) { return cycles[static_cast<std::size_t>(work)]; }

const UnitUse& use_of(const std::vector<UnitUse>& uses, isa::Unit unit) {
  return uses.at(isa::unit_number(unit) - 1);
}

TEST(Waiting, AgreesWithACoreWatchedInEveryCycle) {
  std::int64_t semaphore_cycles = 0, queue_cycles = 0;
  for (std::uint32_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    ClockedProgram p = random_clocked_program(seed);
    const std::vector<UnitUse> uses = unit_uses(p.program, p.timing, testing::kFetchLanes);
    ASSERT_EQ(uses.size(), 5u);
    for (std::size_t u = 1; u < isa::kUnits; ++u) {
      const UnitUse& use = uses[u - 1];
      EXPECT_EQ(use.unit, static_cast<isa::Unit>(u));
      EXPECT_EQ(use.busy_cycles() + use.idle_cycles(), p.timing.cycles);
      EXPECT_EQ(use.busy_cycles(), p.seen[u]["busy"]);
      EXPECT_EQ(use.idle.dispatch, p.seen[u]["dispatch"]);
      EXPECT_EQ(use.idle.start, p.seen[u]["start"]);
      EXPECT_EQ(use.idle.end, p.seen[u]["end"]);
      for (std::size_t by = 0; by < isa::kUnits; ++by) {
        EXPECT_EQ(use.idle.semaphore[by], p.seen[u][isa::name(static_cast<isa::Unit>(by))]) << by;
        semaphore_cycles += use.idle.semaphore[by];
        const std::string queue = std::string("queue of ") + isa::name(static_cast<isa::Unit>(by));
        EXPECT_EQ(use.idle.queue[by], p.seen[u][queue]) << by;
        queue_cycles += use.idle.queue[by];
      }
    }
  }
  EXPECT_GT(semaphore_cycles, 10000);  // the programs do wait
  EXPECT_GT(queue_cycles, 1000);
}

// Windows next to each other have together what the run has, and each has its own length.
TEST(Waiting, WindowsAddUp) {
  std::mt19937 random(11);
  for (std::uint32_t seed = 1; seed <= 50; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const ClockedProgram p = random_clocked_program(seed);
    const std::vector<UnitUse> whole = unit_uses(p.program, p.timing, testing::kFetchLanes);
    std::vector<UnitUse> sum(whole.size());
    std::int64_t from = 0;
    while (from < p.timing.cycles) {
      const std::int64_t to = std::min<std::int64_t>(p.timing.cycles, from + 1 + random() % 500);
      const std::vector<UnitUse> uses =
          unit_uses(p.program, p.timing, testing::kFetchLanes, Window{from, to});
      for (std::size_t u = 0; u < uses.size(); ++u) {
        EXPECT_EQ(uses[u].busy_cycles() + uses[u].idle_cycles(), to - from);
        for (std::size_t k = 0; k < kWorkKinds; ++k) {
          EXPECT_GE(uses[u].busy[k], 0);
          sum[u].busy[k] += uses[u].busy[k];
        }
        sum[u].idle.dispatch += uses[u].idle.dispatch;
        sum[u].idle.start += uses[u].idle.start;
        sum[u].idle.end += uses[u].idle.end;
        for (std::size_t by = 0; by < isa::kUnits; ++by) {
          sum[u].idle.semaphore[by] += uses[u].idle.semaphore[by];
          sum[u].idle.queue[by] += uses[u].idle.queue[by];
        }
        for (const auto& [place, cycles] : uses[u].held_by) sum[u].held_by[place] += cycles;
      }
      from = to;
    }
    for (std::size_t u = 0; u < whole.size(); ++u) {
      EXPECT_EQ(sum[u].busy_cycles(), whole[u].busy_cycles());
      EXPECT_EQ(sum[u].idle.dispatch, whole[u].idle.dispatch);
      EXPECT_EQ(sum[u].idle.start, whole[u].idle.start);
      EXPECT_EQ(sum[u].idle.end, whole[u].idle.end);
      EXPECT_EQ(sum[u].idle.semaphore, whole[u].idle.semaphore);
      EXPECT_EQ(sum[u].idle.queue, whole[u].idle.queue);
      EXPECT_EQ(sum[u].held_by, whole[u].held_by);
    }
    // After the run all units are idle.
    const std::vector<UnitUse> after = unit_uses(p.program, p.timing, testing::kFetchLanes,
                                                 Window{p.timing.cycles - 10, p.timing.cycles + 90});
    for (const UnitUse& use : after) EXPECT_GE(use.idle.end, 90);
  }
}

// Four settles fill a queue of two; the vector unit has nothing until the fifth instruction is issued.
TEST(Waiting, NamesTheQueueThatWasFullAndWhoHeldIt) {
  const isa::Program program = isa::assemble("settle\nsettle\nsettle\nsettle\nvector\nend\n");
  models::ProgramTiming timing;
  timing.cycles = 100;
  const std::int64_t fetch = models::fetch_cycles(program[4], 16);
  timing.instructions = {{1, 2, 22, 22},   {3, 23, 43, 43},          {5, 44, 64, 64},
                         {45, 65, 70, 70}, {46 + fetch, 80, 95, 95}, {100, 100, 100, 100}};
  const std::vector<UnitUse> uses = unit_uses(program, timing, 16);
  const UnitUse& vector = use_of(uses, isa::Unit::kVector);
  // The fourth could be issued in cycle 7: held from then on, to 44.
  EXPECT_EQ(vector.idle.queue[isa::unit_number(isa::Unit::kSettings)], 45 - 7);
  EXPECT_EQ(vector.idle.dispatch, 46 + fetch - (45 - 7));
  EXPECT_EQ(vector.held_by, (std::map<std::size_t, std::int64_t>{{0, 22 - 6}, {1, 43 - 22}, {2, 44 - 43}}));
}

// A tile enters in `in` cycles into one of two buffers and leaves in `out` while the next one enters.
struct WatchedPipeline {
  std::int64_t entering = 0, held = 0, cycles = 0;

  WatchedPipeline(std::int64_t blocks, std::int64_t in, std::int64_t out) {
    std::int64_t left_in = in, left_out = 0;
    for (--blocks;; ++cycles) {
      if (left_in == 0 && left_out == 0 && blocks >= 0) {
        left_out = out;
        left_in = blocks-- > 0 ? in : 0;
      }
      if (left_in == 0 && left_out == 0) break;
      if (left_in > 0) {
        --left_in;
        ++entering;
      } else if (blocks >= 0) {
        ++held;
      }
      if (left_out > 0) --left_out;
    }
  }
};

TEST(Waiting, SplitsTensorCyclesAsATilePipelineDoes) {
  int drained = 0;
  for (std::uint32_t seed = 1; seed <= 50; ++seed) {
    const ClockedProgram p = random_clocked_program(seed);
    for (std::size_t i = 0; i < p.program.size(); ++i) {
      const auto* t = std::get_if<isa::Tensor>(&p.program[i]);
      if (t == nullptr) continue;
      const models::InstructionTiming& timing = p.timing.instructions[i];
      const WorkCycles cycles = work_of(p.program[i], timing);
      const models::TensorTiming tensor = models::tensor_timing(*t);
      const WatchedPipeline watched(tensor.tiles.blocks, tensor.tiles.in, tensor.tiles.out);
      const std::int64_t not_steps = tensor.tiles.blocks * (tensor.tiles.in - tensor.steps);
      EXPECT_EQ(at(cycles, Work::kCompute), watched.entering - not_steps);
      EXPECT_EQ(at(cycles, Work::kDrain), watched.held);
      EXPECT_EQ(at(cycles, Work::kOverhead), isa::kSetupCycles + isa::kTensorPipelineCycles +
                                                 isa::kWriteBackCycles - 2 + not_steps + watched.cycles -
                                                 watched.entering - watched.held);
      EXPECT_EQ(at(cycles, Work::kMerge), timing.ended - timing.worked);
      drained += watched.held > 0 ? 1 : 0;
    }
  }
  EXPECT_GT(drained, 20);
}

// dma loads 0 to 70, then the tensor unit needs it and a settle that ends later; a move within the
// scratchpad.
struct Example {
  isa::Program program = isa::assemble(
      "copy signal=0x2 src_space=hbm loops=[64]\n"
      "settle signal=0x4 slot=1\n"
      "tensor wait=0x6 analyse=1 row_count=16 mask.lane_count=16 reduce=1 loops=[3 10]\n"
      "vector loops=[20] mask.lane_count=16\n"
      "copy loops=[5]\n"
      "end\n");
  models::ProgramTiming timing;

  Example() {
    timing.cycles = 200;
    // Tensor: 4 + (10 + 2 * 16 + 16) + 3 - 1 + 3 - 1 = 66 cycles and a merge of 11.
    timing.instructions = {{2, 3, 70, 70},  {4, 78, 80, 80},  {7, 81, 147, 158},
                           {9, 10, 41, 41}, {11, 71, 79, 79}, {200, 200, 200, 200}};
  }
};

TEST(Waiting, NamesTheUnitThatSignalledLast) {
  const Example e;
  const std::vector<UnitUse> uses = unit_uses(e.program, e.timing, 4);
  const UnitUse& tensor = use_of(uses, isa::Unit::kTensor);
  EXPECT_EQ(tensor.idle.dispatch, 7);
  EXPECT_EQ(tensor.idle.semaphore[isa::unit_number(isa::Unit::kSettings)], 73);
  EXPECT_EQ(tensor.idle.semaphore[isa::unit_number(isa::Unit::kDma)], 0);
  EXPECT_EQ(tensor.idle.start, 1);
  EXPECT_EQ(tensor.idle.end, 42);
  EXPECT_EQ(at(tensor.busy, Work::kCompute), 30);
  EXPECT_EQ(at(tensor.busy, Work::kDrain), 12);
  EXPECT_EQ(at(tensor.busy, Work::kOverhead), 24);
  EXPECT_EQ(at(tensor.busy, Work::kMerge), 11);
  const UnitUse& dma = use_of(uses, isa::Unit::kDma);
  EXPECT_EQ(at(dma.busy, Work::kHbm), 67);
  EXPECT_EQ(at(dma.busy, Work::kCopy), 8);
  EXPECT_EQ(at(use_of(uses, isa::Unit::kVector).busy, Work::kCompute), 20);
  EXPECT_EQ(use_of(uses, isa::Unit::kNetwork).idle.end, 200);
}

TEST(Waiting, DescribesAUnitInALine) {
  const Example e;
  const std::vector<UnitUse> uses = unit_uses(e.program, e.timing, 4);
  EXPECT_EQ(describe(use_of(uses, isa::Unit::kTensor)),
            "tensor 38.5 % busy (compute 15.0, drain 6.0, overhead 12.0, merge 5.5); waits: settings 36.5, "
            "dispatch 3.5, start 0.5, end 21.0");
  EXPECT_EQ(describe(use_of(uses, isa::Unit::kNetwork)), "network 0.0 % busy; waits: end 100.0");
  EXPECT_EQ(describe(use_of(unit_uses({}, {}, 4), isa::Unit::kDma)), "dma 0.0 % busy");
}

TEST(Waiting, PairsSemaphoresFirstInFirstOut) {
  // dma and vector raise semaphore 3, tensor and settings take it, both against the program's order. The put
  // raises 4 for itself.
  const isa::Program program = isa::assemble(
      "copy signal=0x8\nvector signal=0x8\ntensor wait=0x8\nsettle wait=0x8\nput remote_signal=0x10 "
      "signal=0x10\n"
      "tensor wait=0x10\nupdate wait=0x10\nend\n");
  models::ProgramTiming timing;
  timing.cycles = 300;
  timing.instructions = {{1, 2, 50, 50}, {2, 3, 20, 20},  {3, 55, 70, 70},   {4, 21, 23, 23},
                         {5, 6, 60, 60}, {6, 71, 90, 90}, {7, 80, 200, 200}, {300, 300, 300, 300}};
  std::vector<std::vector<std::size_t>> pairs;
  for (const Handover& h : handovers(program, timing))
    pairs.push_back({h.signaller, h.waiter, static_cast<std::size_t>(h.semaphore)});
  EXPECT_THAT(pairs,
              ::testing::ElementsAre(std::vector<std::size_t>{0, 2, 3}, std::vector<std::size_t>{1, 3, 3},
                                     std::vector<std::size_t>{4, 5, 4}, std::vector<std::size_t>{4, 6, 4}));
  isa::Program elsewhere = program;
  std::get<isa::Put>(elsewhere[4]).core = 1;  // its remote_signal is another core's
  EXPECT_THROW(handovers(elsewhere, timing), std::invalid_argument);
}

std::string message(const isa::Program& program, const models::ProgramTiming& timing) {
  try {
    unit_uses(program, timing, 4);
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "accepted";
}

TEST(Waiting, RefusesTimingThatDoesNotFit) {
  const Example e;
  const auto changed = [&](std::size_t place, const models::InstructionTiming& record) {
    models::ProgramTiming timing = e.timing;
    timing.instructions[place] = record;
    return message(e.program, timing);
  };
  EXPECT_EQ(message(e.program, e.timing), "accepted");
  EXPECT_THAT(message(e.program, {}), HasSubstr("timing of 0 instructions for a program of 6"));
  EXPECT_THAT(changed(1, {1, 78, 80, 80}), HasSubstr("instruction 1: issued in cycle 1, expected 2 to 200"));
  EXPECT_THAT(changed(5, {201, 0, 0, 0}), HasSubstr("instruction 5: issued in cycle 201"));
  EXPECT_THAT(changed(4, {11, 69, 79, 79}), HasSubstr("instruction 4: started in cycle 69"));
  EXPECT_THAT(changed(3, {9, 8, 41, 41}), HasSubstr("instruction 3: started in cycle 8"));
  EXPECT_THAT(changed(3, {9, 10, 41, 40}),
              HasSubstr("instruction 3: started, worked, ended in cycles 10, 41, 40"));
  EXPECT_THAT(changed(3, {9, 10, 9, 41}), HasSubstr("instruction 3"));
  EXPECT_THAT(changed(4, {11, 71, 79, 201}), HasSubstr("instruction 4"));
  EXPECT_THAT(changed(2, {7, 80, 147, 158}), HasSubstr("instruction 2: semaphore 2 taken in cycle 80"));
  EXPECT_THAT(changed(2, {7, 81, 122, 158}), HasSubstr("41 cycles of work, expected at least 42"));
  isa::Program nobody = e.program;
  std::get<isa::Settle>(nobody[1]).signal = 0;
  EXPECT_THAT(message(nobody, e.timing), HasSubstr("semaphore 2 taken"));
}

}  // namespace
}  // namespace anzan::sim::waiting_test
