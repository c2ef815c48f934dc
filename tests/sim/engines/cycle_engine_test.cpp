// Values and time together give what each gives alone: the bits of the functional engine, and the cycles of a
// dry run at every step.
#include "sim/engines/cycle_engine.hpp"

#include <gtest/gtest.h>

#include "tests/compiler/test_chip.hpp"
#include "tests/reference/random_network.hpp"

namespace anzan::sim::cycle_engine_test {
namespace {

struct Chip {
  int lanes;
  std::int64_t scratchpad_kib;
  int queue_depth, channels;
  isa::Format format;
};

class CycleEngineTest : public ::testing::TestWithParam<int> {};

TEST_P(CycleEngineTest, StepsHaveTheBitsOfTheFunctionalEngineAndTheCyclesOfADryRun) {
  const Chip chips[] = {{16, 2048, 8, 4, isa::Format::kInt8},
                        {4, 64, 1, 1, isa::Format::kInt16},
                        {8, 256, 3, 2, isa::Format::kFp32},
                        {32, 512, 16, 8, isa::Format::kInt8}};
  const auto seed = static_cast<std::uint32_t>(GetParam());
  const Chip& chip = chips[seed % 4];
  compiler::TrainingParameters training;
  training.batch = 2 * chip.lanes + 3;
  compiler::ChipParameters parameters;
  parameters.lanes = chip.lanes;
  parameters.scratchpad_kib = chip.scratchpad_kib;
  const int width = chip.format == isa::Format::kInt8 ? 8 : 16;
  const compiler::CompiledModel model = compiler::compile(
      {reference::random_network(seed),
       testing::uniform_precision(chip.format, width, isa::Rounding::kStochastic), training, parameters});

  models::clocked::CoreParameters core;
  core.lanes = chip.lanes;
  core.queue_depth = chip.queue_depth;
  core.hbm.channels = chip.channels;
  models::clocked::ClockedCore clock(core);
  const std::int64_t dry = clock.run(isa::decode(model.programs[compiler::ProgramKind::kStep])).cycles;

  testing::TestChip values(model), both(model);
  values.prepare(seed);
  both.prepare(seed);
  std::vector<LoadedProgram> step;
  step.push_back(both.cores().executor(0).load(model.programs[compiler::ProgramKind::kStep]));
  CycleEngine cycles(core);
  for (std::uint32_t number = 0; number < 3; ++number) {
    for (testing::TestChip* one : {&values, &both}) {
      one->load_batch();
      one->core().settings.set_step(number);
    }
    values.run(model.programs[compiler::ProgramKind::kStep]);
    EXPECT_EQ(cycles.run(step, both.cores())->cycles(), dry) << "step " << number;
    ASSERT_EQ(both.parameters(), values.parameters()) << "step " << number;
  }
  // Settings and statistics moved alike, too.
  for (std::size_t s = 0; s < model.slots.size(); ++s) {
    const int slot = static_cast<int>(s);
    EXPECT_EQ(both.core().settings.slot(slot).q_write, values.core().settings.slot(slot).q_write);
    EXPECT_EQ(both.core().statistics.window(slot).histogram, values.core().statistics.window(slot).histogram);
  }
}

INSTANTIATE_TEST_SUITE_P(Networks, CycleEngineTest, ::testing::Range(0, 12));

}  // namespace
}  // namespace anzan::sim::cycle_engine_test
