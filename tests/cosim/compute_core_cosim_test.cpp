// Whole training steps on the Verilated compute core: every bit of HBM, every setting and counter as the
// functional engine leaves them, and issue, start and end of every instruction in the cycles of the clocked
// models.
#include <Vcompute_core_4.h>
#include <Vcompute_core_4___024root.h>
#include <gtest/gtest.h>

#include "models/clocked/core.hpp"
#include "tests/compiler/test_chip.hpp"
#include "tests/cosim/core_bench.hpp"
#include "tests/reference/random_network.hpp"

namespace anzan::cosim {
namespace {

constexpr int kLanes = 4, kScratchpadKib = 64;

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
}

void expect_values(CoreBench<Vcompute_core_4>& bench, const models::Core& rtl, const models::Core& model,
                   int slots) {
  const std::size_t bytes = static_cast<std::size_t>(model.lines(isa::Space::kHbm) * model.line_bytes());
  std::size_t different = 0;
  for (std::size_t k = 0; k < bytes; ++k) different += rtl.hbm()[k] != model.hbm()[k];
  EXPECT_EQ(different, 0U) << "bytes of HBM";
  for (std::int64_t line = 0; line < model.lines(isa::Space::kScratchpad); ++line)
    ASSERT_EQ(std::memcmp(bench.scratchpad_line(static_cast<std::size_t>(line)),
                          model.scratchpad() + line * model.line_bytes(),
                          static_cast<std::size_t>(model.line_bytes())),
              0)
        << "line " << line << " of the scratchpad";
  for (int s = 0; s < slots; ++s) {
    ASSERT_EQ(bench.entry(s), entry_words(model.settings.slot(s))) << "slot " << s;
    ASSERT_EQ(bench.counters(s, Set::kWindow), counter_words(model.statistics.window(s))) << "slot " << s;
    ASSERT_EQ(bench.counters(s, Set::kTotal), counter_words(model.statistics.total(s))) << "slot " << s;
  }
}

void run_steps(std::uint32_t seed, isa::Format format, int steps) {
  compiler::TrainingParameters training;
  training.batch = 6;
  compiler::ChipParameters chip;
  chip.lanes = kLanes;
  chip.scratchpad_kib = kScratchpadKib;
  reference::RandomNetworkLimits limits;
  limits.blocks = 2;
  limits.size = 6;
  limits.channels = 9;
  limits.products_an_image = 8000;
  const int width = format == isa::Format::kInt8 ? 8 : 16;
  const compiler::CompiledModel model =
      compile(reference::random_network(seed, limits),
              testing::uniform_precision(format, width, isa::Rounding::kStochastic), training, chip);
  const isa::Program program = isa::decode(model.step);
  const int slots = static_cast<int>(model.slots.size());

  models::clocked::CoreParameters parameters;
  parameters.lanes = kLanes;
  models::clocked::ClockedCore clock(parameters);
  const models::ProgramTiming expected = clock.run(program);

  testing::TestChip functional(model), rtl(model);
  functional.prepare(seed);
  rtl.prepare(seed);
  CoreBench<Vcompute_core_4> bench(parameters.hbm, kLanes, parameters.clock_period_fs);
  bench.load(rtl.core(), slots);
  bench.load_scratchpad(rtl.core());
  for (int number = 0; number < steps; ++number) {
    functional.load_batch();
    rtl.load_batch();
    functional.run(model.step);
    expect_cycles(bench.run(program, rtl.core()), expected);
    expect_values(bench, rtl.core(), functional.core(), slots);
    if (::testing::Test::HasFailure()) {
      FAIL() << "network " << seed << ", " << isa::name(format) << ", step " << number;
    }
  }
}

TEST(ComputeCore, TrainsInInt8AsTheModelsDo) {
  for (std::uint32_t seed = 1; seed <= 6; ++seed) run_steps(seed, isa::Format::kInt8, 2);
}
TEST(ComputeCore, TrainsInInt16AsTheModelsDo) {
  for (std::uint32_t seed = 11; seed <= 14; ++seed) run_steps(seed, isa::Format::kInt16, 2);
}
TEST(ComputeCore, TrainsInFp32AsTheModelsDo) {
  for (std::uint32_t seed = 21; seed <= 24; ++seed) run_steps(seed, isa::Format::kFp32, 2);
}

}  // namespace
}  // namespace anzan::cosim
