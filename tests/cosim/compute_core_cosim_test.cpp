// Whole training steps on the Verilated compute core: every bit of HBM, every setting and counter as the
// functional engine leaves them, and issue, start and end of every instruction in the cycles of the clocked
// models.
#include <gtest/gtest.h>

#include <cstring>

#include "models/clocked/core.hpp"
#include "sim/engines/rtl_engine.hpp"
#include "tests/compiler/test_chip.hpp"
#include "tests/reference/random_network.hpp"

namespace anzan::cosim::compute_core_cosim_test {
namespace {

constexpr int kScratchpadKib = 64;

void expect_cycles(const models::ProgramTiming& rtl, const models::ProgramTiming& model) {
  int shown = 0;
  for (std::size_t i = 0; i + 1 < model.instructions.size() && shown < 5; ++i) {
    const models::InstructionTiming &r = rtl.instructions[i], &m = model.instructions[i];
    if (r.issued == m.issued && r.started == m.started && r.ended == m.ended) continue;
    ++shown;
    ADD_FAILURE() << "instruction " << i << ": RTL issued, started, ended in " << r.issued << ", "
                  << r.started << ", " << r.ended << ", model in " << m.issued << ", " << m.started << ", "
                  << m.ended;
  }
  EXPECT_EQ(rtl.cycles, model.cycles);
  EXPECT_EQ(rtl.hbm.read_bytes, model.hbm.read_bytes);
  EXPECT_EQ(rtl.hbm.written_bytes, model.hbm.written_bytes);
  EXPECT_EQ(rtl.hbm.activations, model.hbm.activations);
  EXPECT_EQ(rtl.hbm.row_hits, model.hbm.row_hits);
}

void expect_values(const models::Core& rtl, const models::Core& model) {
  for (const isa::Space space : {isa::Space::kHbm, isa::Space::kScratchpad}) {
    const std::size_t bytes = static_cast<std::size_t>(model.lines(space) * model.line_bytes());
    EXPECT_EQ(std::memcmp(rtl.bytes(space), model.bytes(space), bytes), 0)
        << (space == isa::Space::kHbm ? "HBM" : "scratchpad");
  }
  for (int s = 0; s < model.settings.size(); ++s) {
    ASSERT_EQ(rtl.settings.slot(s), model.settings.slot(s)) << "slot " << s;
    ASSERT_EQ(rtl.statistics.window(s), model.statistics.window(s)) << "slot " << s;
    ASSERT_EQ(rtl.statistics.total(s), model.statistics.total(s)) << "slot " << s;
  }
}

void run_steps(int lanes, std::uint32_t seed, isa::Format format, int steps) {
  compiler::TrainingParameters training;
  training.batch = 6;
  compiler::ChipParameters chip;
  chip.lanes = lanes;
  chip.scratchpad_kib = kScratchpadKib;
  reference::RandomNetworkLimits limits;
  limits.blocks = 2;
  limits.size = 6;
  limits.channels = 9;
  limits.products_an_image = 8000;
  const int width = format == isa::Format::kInt8 ? 8 : 16;
  const compiler::CompiledModel model = compiler::compile(
      {reference::random_network(seed, limits),
       testing::uniform_precision(format, width, isa::Rounding::kStochastic), training, chip});
  const isa::Program program = isa::decode(model.programs[compiler::ProgramKind::kStep]);

  models::clocked::CoreParameters parameters;
  parameters.lanes = lanes;
  models::clocked::ClockedCore clock(parameters);
  const models::ProgramTiming expected = clock.run(program);

  testing::TestChip functional(model), rtl(model);
  functional.prepare(seed);
  rtl.prepare(seed);
  sim::RtlEngine engine(parameters, {}, static_cast<int>(model.slots.size()));
  std::vector<sim::LoadedProgram> loaded;
  loaded.push_back(rtl.cores().executor(0).load(model.programs[compiler::ProgramKind::kStep]));
  for (int number = 0; number < steps; ++number) {
    functional.load_batch();
    rtl.load_batch();
    functional.run(model.programs[compiler::ProgramKind::kStep]);
    expect_cycles(engine.run(loaded, rtl.cores())->cores.front(), expected);
    expect_values(rtl.core(), functional.core());
    if (::testing::Test::HasFailure()) {
      FAIL() << lanes << " lanes, network " << seed << ", " << isa::name(format) << ", step " << number;
    }
  }
}

TEST(ComputeCore, TrainsInInt8AsTheModelsDo) {
  for (std::uint32_t seed = 1; seed <= 6; ++seed) run_steps(4, seed, isa::Format::kInt8, 2);
}
TEST(ComputeCore, TrainsInInt16AsTheModelsDo) {
  for (std::uint32_t seed = 11; seed <= 14; ++seed) run_steps(4, seed, isa::Format::kInt16, 2);
}
TEST(ComputeCore, TrainsInFp32AsTheModelsDo) {
  for (std::uint32_t seed = 21; seed <= 24; ++seed) run_steps(4, seed, isa::Format::kFp32, 2);
}
TEST(ComputeCore, TrainsWithSixteenLanesAsTheModelsDo) {
  run_steps(16, 31, isa::Format::kInt8, 2);
  run_steps(16, 32, isa::Format::kInt16, 1);
  run_steps(16, 33, isa::Format::kFp32, 1);
}

}  // namespace
}  // namespace anzan::cosim::compute_core_cosim_test
