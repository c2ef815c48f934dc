// The vector unit against the plain loops of the reference, on every kernel set, and what it refuses.
#include "models/vector_unit.hpp"

#include <gtest/gtest.h>

#include "models/instruction_error.hpp"
#include "tests/models/instruction_cases.hpp"

namespace anzan::models::vector_unit_test {
namespace {

class VectorUnit : public ::testing::TestWithParam<int> {};
INSTANTIATE_TEST_SUITE_P(Lanes, VectorUnit, ::testing::ValuesIn(isa::kLanes),
                         ::testing::PrintToStringParamName());

void expect_as_the_reference(const isa::Vector& instruction, const reference::Machine& start,
                             std::uint64_t seed) {
  reference::Machine expected = start;
  expected.execute(instruction);
  const std::string what = "seed " + std::to_string(seed) + ", " + isa::name(instruction.op) + " " +
                           isa::name(instruction.reduction);
  reference::expect_same(start, expected, what,
                         [&](Core& core, const kernels::KernelSet& kernels, LocalStatistics& statistics) {
                           VectorPlan planned = plan(instruction, MemorySizes(core));
                           bind(planned, core);
                           reference::in_pieces(planned, [&](std::int64_t first, std::int64_t last) {
                             execute(planned, kernels, first, last, statistics);
                           });
                         });
}

TEST_P(VectorUnit, RandomInstructionsEqualTheReference) {
  for (std::uint64_t seed = 0; seed < 1500 && !HasFatalFailure(); ++seed) {
    reference::CaseMaker cases(seed * 64 + static_cast<std::uint64_t>(GetParam()), GetParam());
    const isa::Vector instruction = cases.vector();
    expect_as_the_reference(instruction, cases.machine(), seed);
  }
}

// Kernels have ways of their own for rows that follow each other: gradients of ReLU whose point stays, and
// sums of bytes, zeros of either sign among them.
TEST_P(VectorUnit, RowsThatFollowEachOtherEqualTheReference) {
  for (std::uint64_t seed = 0; seed < 1000 && !HasFatalFailure(); ++seed) {
    reference::CaseMaker cases(seed * 64 + static_cast<std::uint64_t>(GetParam()), GetParam());
    const isa::Vector instruction = cases.vector_of_lines();
    reference::Machine start = cases.machine();
    SlotSettings& slot = start.settings.slot(3);
    if (seed % 4 != 0) slot.q_write = slot.q_read;
    if (seed % 8 > 1) slot.width = 8;
    if (seed % 5 != 0) start.settings.set_scalar(7, seed % 3 == 0 ? 0x80000000U : 0);
    expect_as_the_reference(instruction, start, seed);
  }
}

template <class Change>
std::string refused_field(Change change) {
  const Core core(16, 16, 10);
  isa::Vector v;
  v.op = isa::VectorOp::kAdd;
  v.mask = {0, 16};
  v.a.kind = v.b.kind = isa::OperandKind::kRows;
  v.a.format = v.b.format = isa::Format::kInt16;
  v.out_format = isa::Format::kFp32;
  EXPECT_NO_THROW(plan(v, MemorySizes(core)));
  change(v);
  try {
    plan(v, MemorySizes(core));
  } catch (const InstructionError& error) {
    return error.field();
  }
  return "nothing";
}

TEST(VectorUnitChecks, IllegalInstructionsAreRefused) {
  using Kind = isa::OperandKind;
  // 16 KiB are 256 lines of 64 bytes.
  EXPECT_EQ(refused_field([](isa::Vector& v) { v.a.at.base = 512; }), "a.at");
  EXPECT_EQ(refused_field([](isa::Vector& v) { v.b.at.base = 511; }), "nothing");
  EXPECT_EQ(refused_field([](isa::Vector& v) { v.b.at.base = 511, v.loops[2] = 2, v.b.at.stride[2] = 1; }),
            "b.at");
  EXPECT_EQ(refused_field([](isa::Vector& v) { v.b.kind = Kind::kNone; }), "b.kind");
  EXPECT_EQ(refused_field([](isa::Vector& v) { v.op = isa::VectorOp::kFma; }), "c.kind");
  EXPECT_EQ(refused_field([](isa::Vector& v) { v.b.kind = Kind::kScalar, v.b.at.base = 256; }), "b.at.base");
  EXPECT_EQ(refused_field([](isa::Vector& v) { v.b.kind = Kind::kScalar, v.b.at.base = 255; }), "nothing");
  EXPECT_EQ(refused_field([](isa::Vector& v) { v.b.kind = Kind::kBroadcast, v.b.at.base = 8191; }),
            "nothing");
  EXPECT_EQ(refused_field([](isa::Vector& v) { v.b.kind = Kind::kBroadcast, v.b.at.base = 8192; }), "b.at");
  EXPECT_EQ(refused_field([](isa::Vector& v) { v.o.base = 256; }), "o");
  EXPECT_EQ(refused_field([](isa::Vector& v) { v.loops[7] = 0; }), "loop[7]");
  EXPECT_EQ(refused_field([](isa::Vector& v) { v.reduce = 1; }), "reduce");
  EXPECT_EQ(refused_field([](isa::Vector& v) { v.reduce = 9, v.reduction = isa::Reduction::kAdd; }),
            "reduce");
  EXPECT_EQ(refused_field([](isa::Vector& v) { v.mask.lane_count = 17; }), "mask");
}

}  // namespace
}  // namespace anzan::models::vector_unit_test
