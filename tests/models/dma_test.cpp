// Copies, puts and transposes against the plain loops of the reference, on every kernel set.
#include "models/dma.hpp"

#include <gtest/gtest.h>

#include "models/instruction_error.hpp"
#include "tests/models/instruction_cases.hpp"

namespace anzan::models::dma_test {
namespace {

class Dma : public ::testing::TestWithParam<int> {};
INSTANTIATE_TEST_SUITE_P(Lanes, Dma, ::testing::ValuesIn(isa::kLanes), ::testing::PrintToStringParamName());

TEST_P(Dma, RandomCopiesEqualTheReference) {
  for (std::uint64_t seed = 0; seed < 1000 && !HasFatalFailure(); ++seed) {
    reference::CaseMaker cases(seed * 64 + static_cast<std::uint64_t>(GetParam()), GetParam());
    const isa::Copy instruction = cases.copy();
    const reference::Machine start = cases.machine();
    reference::Machine expected = start;
    expected.execute(instruction);
    reference::expect_same(start, expected, "seed " + std::to_string(seed),
                           [&](Core& core, const kernels::KernelSet& kernels, LocalStatistics&) {
                             CopyPlan planned = plan(instruction, MemorySizes(core));
                             EXPECT_FALSE(planned.job.past_caches) << "a small memory";
                             planned.job.past_caches = seed % 2 == 0;
                             bind(planned, core, core);
                             reference::in_pieces(planned, [&](std::int64_t first, std::int64_t last) {
                               execute(planned, kernels, first, last);
                             });
                           });
  }
}

TEST_P(Dma, RandomTransposesEqualTheReference) {
  for (std::uint64_t seed = 0; seed < 1000 && !HasFatalFailure(); ++seed) {
    reference::CaseMaker cases(seed * 64 + static_cast<std::uint64_t>(GetParam()), GetParam());
    const isa::Transpose instruction = cases.transpose();
    const reference::Machine start = cases.machine();
    reference::Machine expected = start;
    expected.execute(instruction);
    reference::expect_same(start, expected, "seed " + std::to_string(seed),
                           [&](Core& core, const kernels::KernelSet& kernels, LocalStatistics&) {
                             TransposePlan planned = plan(instruction, MemorySizes(core));
                             bind(planned, core);
                             reference::in_pieces(planned, [&](std::int64_t first, std::int64_t last) {
                               execute(planned, kernels, first, last);
                             });
                           });
  }
}

// A put from one core to another moves what a copy moves.
TEST(DmaPut, MovesRowsToAnotherCore) {
  Core sender(4, 1, 0), receiver(4, 1, 0);
  for (int k = 0; k < 1024; ++k) sender.scratchpad()[k] = static_cast<std::uint8_t>(k * 7 + k / 256);
  isa::Put put;
  put.element = isa::Format::kInt16;
  put.loops[7] = 3;
  put.src = {5, {0, 0, 0, 0, 0, 0, 0, 2}};
  put.dst = {9, {0, 0, 0, 0, 0, 0, 0, 4}};
  CopyPlan planned = plan(put, MemorySizes(sender), MemorySizes(receiver));
  bind(planned, sender, receiver);
  execute(planned, kernels::best_kernels(4), 0, planned.iterations);
  for (int row = 0; row < 128; ++row)
    for (int lane = 0; lane < 4; ++lane)
      for (int byte = 0; byte < 2; ++byte) {
        const auto place = [&](int r) { return r / 2 * 16 + lane * 4 + r % 2 * 2 + byte; };
        const int k = (row - 9) / 4;
        const bool moved = row >= 9 && (row - 9) % 4 == 0 && k < 3;
        EXPECT_EQ(receiver.scratchpad()[place(row)], moved ? sender.scratchpad()[place(5 + 2 * k)] : 0)
            << row;
      }
}

template <class Instruction>
std::string refused_field(const Instruction& instruction) {
  const Core core(8, 16, 10);
  try {
    plan(instruction, MemorySizes(core));
  } catch (const InstructionError& error) {
    return error.field();
  }
  return "nothing";
}

TEST(DmaChecks, IllegalCopiesAreRefused) {
  isa::Copy copy;
  copy.element = isa::Format::kInt8;
  copy.src_space = isa::Space::kHbm;
  copy.src.base = 39;
  copy.dst.base = 2047;
  EXPECT_EQ(refused_field(copy), "nothing");
  copy.src.base = 40;
  EXPECT_EQ(refused_field(copy), "src");
  copy.src.base = 0;
  copy.dst.base = 2048;
  EXPECT_EQ(refused_field(copy), "dst");
  copy.loops[1] = 0;
  EXPECT_EQ(refused_field(copy), "loop[1]");
  copy.dst_space = isa::Space::kHbm;
  EXPECT_EQ(refused_field(copy), "dst_space");
}

TEST(DmaChecks, IllegalTransposesAreRefused) {
  isa::Transpose t;
  t.element = isa::Format::kFp32;
  EXPECT_EQ(refused_field(t), "src_rows");
  t.src_rows = 9;
  EXPECT_EQ(refused_field(t), "src_rows");
  t.src_rows = 8;
  EXPECT_EQ(refused_field(t), "src_lanes");
  t.src_lanes = 1;
  EXPECT_EQ(refused_field(t), "dst_rows");
  t.dst_rows = 3;
  t.src.base = 504;
  t.dst.base = 509;
  EXPECT_EQ(refused_field(t), "nothing");
  t.src.base = 505;
  EXPECT_EQ(refused_field(t), "src");
  t.src.base = 0;
  t.dst.base = 510;
  EXPECT_EQ(refused_field(t), "dst");
}

}  // namespace
}  // namespace anzan::models::dma_test
