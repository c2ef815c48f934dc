// Blocks in RTL among models, in any combination, give what models alone give: every bit of memories,
// settings and statistics, and every issue, start, last write and end. Programs are random; so are the
// combinations, after each block alone and all together.
#include "sim/engines/mixed_engine.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <random>

#include "sim/engines/cycle_engine.hpp"
#include "sim/rtl/blocks.hpp"
#include "sim/rtl/core.hpp"
#include "sim/verify/random_core.hpp"
#include "sim/verify/random_program.hpp"

namespace anzan::sim::mixed_engine_test {
namespace {

using Names = std::vector<std::string>;

std::string joined(const Names& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ",") + name;
  return text;
}

struct Outcome {
  Cores cores;
  models::ProgramTiming timing;
  models::Core& core = cores.core(0);
};

class Mixing {
 public:
  explicit Mixing(int lanes) { shape_.lanes = parameters_.lanes = lanes; }
  // Of the last slots that the RTL is built for.
  Mixing& at_the_last_slots() {
    shape_.first_slot = rtl_slots() - shape_.slots;
    return *this;
  }

  void compare(const Names& names, std::uint64_t first_seed, int programs) {
    MixedEngine mixed(parameters_, names, shape_.first_slot + shape_.slots);
    CycleEngine models(parameters_);
    for (int k = 0; k < programs && !::testing::Test::HasFailure(); ++k) {
      const std::uint64_t seed = first_seed + static_cast<std::uint64_t>(k);
      SCOPED_TRACE("RTL " + joined(names) + ", lanes " + std::to_string(shape_.lanes) + ", seed " +
                   std::to_string(seed));
      const Outcome expected = run(models, seed), found = run(mixed, seed);
      expect_same(found, expected);
    }
  }

 private:
  Outcome run(Engine& engine, std::uint64_t seed) const {
    const std::int64_t kib = shape_.scratchpad_lines * 4 * shape_.lanes / 1024;
    Outcome outcome{Cores(1, {shape_.lanes, kib, {}, rtl_slots()}, shape_.hbm_lines, 1), {}};
    const isa::Program program = random_program(seed, shape_);
    randomise(outcome.core, seed, shape_, program);
    std::vector<LoadedProgram> programs;
    programs.push_back(outcome.cores.executor(0).load(isa::encode(program)));
    outcome.timing = engine.run(programs, outcome.cores)->cores.front();
    return outcome;
  }

  static void expect_same(const Outcome& found, const Outcome& expected) {
    ASSERT_EQ(found.timing.instructions.size(), expected.timing.instructions.size());
    for (std::size_t i = 0; i < expected.timing.instructions.size(); ++i) {
      const auto &f = found.timing.instructions[i], &e = expected.timing.instructions[i];
      ASSERT_EQ(f.issued, e.issued) << "instruction " << i;
      ASSERT_EQ(f.started, e.started) << "instruction " << i;
      ASSERT_EQ(f.worked, e.worked) << "instruction " << i;
      ASSERT_EQ(f.ended, e.ended) << "instruction " << i;
    }
    EXPECT_EQ(found.timing.cycles, expected.timing.cycles);
    EXPECT_EQ(found.timing.database_wait_cycles, expected.timing.database_wait_cycles);
    EXPECT_EQ(found.timing.hbm.read_bytes, expected.timing.hbm.read_bytes);
    EXPECT_EQ(found.timing.hbm.row_hits, expected.timing.hbm.row_hits);
    EXPECT_EQ(found.timing.hbm.refreshes, expected.timing.hbm.refreshes);
    for (const isa::Space space : {isa::Space::kScratchpad, isa::Space::kHbm}) {
      const std::int64_t bytes = expected.core.lines(space) * expected.core.line_bytes();
      const auto [a, b] =
          std::mismatch(found.core.bytes(space), found.core.bytes(space) + bytes, expected.core.bytes(space));
      ASSERT_EQ(a - found.core.bytes(space), bytes) << isa::name(space);
    }
    for (int s = 0; s < expected.core.settings.size(); ++s) {
      ASSERT_EQ(found.core.settings.slot(s), expected.core.settings.slot(s)) << "slot " << s;
      ASSERT_EQ(found.core.statistics.window(s), expected.core.statistics.window(s)) << "slot " << s;
      ASSERT_EQ(found.core.statistics.total(s), expected.core.statistics.total(s)) << "slot " << s;
    }
    EXPECT_EQ(found.core.settings, expected.core.settings);
  }

  RandomProgramShape shape_;
  models::clocked::CoreParameters parameters_;
};

class OneBlock : public ::testing::TestWithParam<std::string> {};
TEST_P(OneBlock, WithFourLanes) { Mixing(4).compare({GetParam()}, 1, 60); }
TEST_P(OneBlock, WithSixteenLanes) { Mixing(16).compare({GetParam()}, 1000, 8); }
INSTANTIATE_TEST_SUITE_P(Blocks, OneBlock, ::testing::ValuesIn(rtl_block_names()),
                         [](const auto& block) { return block.param; });

TEST(MixedEngine, AllBlocks) {
  Mixing(4).compare(rtl_block_names(), 2000, 60);
  Mixing(16).compare(rtl_block_names(), 2500, 5);
}

TEST(MixedEngine, AllBlocksAtTheLastSlots) {
  Mixing(4).at_the_last_slots().compare(rtl_block_names(), 2600, 8);
  Mixing(16).at_the_last_slots().compare(rtl_block_names(), 2700, 2);
}

TEST(MixedEngine, RandomCombinations) {
  std::mt19937 random(3);
  for (int k = 0; k < 40 && !HasFailure(); ++k) {
    Names names;
    for (const std::string& name : rtl_block_names())
      if (random() % 2 != 0) names.push_back(name);
    if (names.empty()) continue;
    Mixing(4).compare(names, 3000 + 100 * static_cast<std::uint64_t>(k), 8);
  }
}

// What a model finds wrong comes out as without RTL, and the next program runs.
TEST(MixedEngine, AFailedProgramLeavesTheSettings) {
  models::clocked::CoreParameters parameters;
  parameters.lanes = 4;
  MixedEngine mixed(parameters, {"settings_store", "statistics_database"}, 2);
  Cores cores(1, {4, 1}, 4, 1);
  models::Core& core = cores.core(0);
  core.settings.slot(1).width = 16;
  core.settings.set_scalar(3, 5);
  const models::SettingsStore before = core.settings;
  isa::Vector wrong;
  wrong.op = isa::VectorOp::kRandom;
  wrong.out_format = isa::Format::kInt8;
  wrong.slot_o = 1;
  wrong.mask = {0, 4};
  std::vector<LoadedProgram> programs;
  programs.push_back(cores.executor(0).load(isa::encode({wrong, isa::End{}})));
  EXPECT_THROW(mixed.run(programs, cores), isa::ProgramError);
  EXPECT_EQ(core.settings, before);
  wrong.out_format = isa::Format::kInt16;
  programs[0] = cores.executor(0).load(isa::encode({wrong, isa::End{}}));
  EXPECT_GT(mixed.run(programs, cores)->cycles(), 0);
  EXPECT_EQ(core.settings, before);
}

TEST(MixedEngine, RefusesWhatIsNotBuilt) {
  models::clocked::CoreParameters parameters;
  EXPECT_THROW(make_rtl_blocks({"scratchpad"}, parameters, 1), std::invalid_argument);
  parameters.dma_outstanding = 3;
  EXPECT_THROW(make_rtl_blocks({"dma"}, parameters, 1), std::invalid_argument);
  parameters.lanes = 8;
  EXPECT_THROW(make_rtl_blocks({"tensor_unit"}, parameters, 1), std::invalid_argument);
}

}  // namespace
}  // namespace anzan::sim::mixed_engine_test
