// The tensor unit against the plain loops of the reference, on every kernel set, and what it refuses.
#include "models/tensor_unit.hpp"

#include <gtest/gtest.h>

#include "models/instruction_error.hpp"
#include "models/number_format.hpp"
#include "tests/models/instruction_cases.hpp"

namespace anzan::models::tensor_unit_test {
namespace {

class TensorUnit : public ::testing::TestWithParam<int> {};
INSTANTIATE_TEST_SUITE_P(Lanes, TensorUnit, ::testing::ValuesIn(isa::kLanes),
                         ::testing::PrintToStringParamName());

void check(const isa::Tensor& instruction, const reference::Machine& start, const std::string& what) {
  reference::Machine expected = start;
  expected.execute(instruction);
  reference::expect_same(start, expected, what,
                         [&](Core& core, const kernels::KernelSet& kernels, LocalStatistics& statistics) {
                           TensorPlan planned = plan(instruction, MemorySizes(core));
                           bind(planned, core);
                           reference::in_pieces(planned, [&](std::int64_t first, std::int64_t last) {
                             execute(planned, kernels, first, last, statistics);
                           });
                         });
}

TEST_P(TensorUnit, RandomInstructionsEqualTheReference) {
  for (std::uint64_t seed = 0; seed < 800 && !HasFatalFailure(); ++seed) {
    reference::CaseMaker cases(seed * 64 + static_cast<std::uint64_t>(GetParam()), GetParam());
    const isa::Tensor instruction = cases.tensor();
    check(instruction, cases.machine(), "seed " + std::to_string(seed));
  }
}

// Long sums of the largest products: 32-bit and chunked accumulation must not wrap.
TEST_P(TensorUnit, LongSumsOfExtremesAreExact) {
  for (const isa::Format format : {isa::Format::kInt8, isa::Format::kInt16})
    for (const std::uint32_t pattern : {0x80808080U, 0x80008000U, 0x7f7f7f7fU, 0x7fff7fffU, 0xffffffffU})
      for (const int steps : {7, 127, 128, 129, 300, 32767, 32768, 40000}) {
        if (HasFatalFailure() || (steps > 1000 && GetParam() != 4 && GetParam() != 16)) return;
        reference::CaseMaker cases(1, GetParam());
        cases.copy();
        reference::Machine machine = cases.machine();
        for (std::size_t k = 0; k < machine.scratchpad.size(); ++k)
          machine.scratchpad[k] = static_cast<std::uint8_t>(pattern >> (8 * (k % 4)));
        isa::Tensor t;
        t.format = format;
        t.reduce = 1;
        t.loops[7] = static_cast<std::uint16_t>(steps);
        t.spill = 1;
        t.row_count = 2;
        t.mask = {0, static_cast<std::uint8_t>(GetParam())};
        t.o.base = static_cast<std::uint32_t>(reference::kInputLines + reference::kStartLines);
        check(t, machine,
              std::string(isa::name(format)) + ", pattern " + std::to_string(pattern) + ", steps " +
                  std::to_string(steps));
      }
}

// More steps than a table holds.
TEST(TensorUnitSteps, SumsBeyondTheTableAreComplete) {
  for (const isa::Format format : all_formats()) {
    reference::CaseMaker cases(5, 4);
    cases.copy();
    const reference::Machine machine = cases.machine();
    isa::Tensor t;
    t.format = format;
    t.reduce = 3;
    t.loops = {1, 1, 1, 1, 2, 3, 300, 300};
    t.a.stride = {0, 0, 0, 0, 5, 7, 0, 0};
    t.b.stride = {0, 0, 0, 0, 1, 11, 0, 0};
    t.row_count = 1;
    t.mask = {0, 4};
    t.out_format = isa::Format::kFp32;
    t.o.base = static_cast<std::uint32_t>(reference::kInputLines + reference::kStartLines);
    t.o.stride[4] = 4;
    check(t, machine, isa::name(format));
  }
}

template <class Change>
std::string refused_field(Change change) {
  const Core core(8, 16, 10);
  isa::Tensor t;
  t.format = isa::Format::kInt8;
  t.row_count = 8;
  t.mask = {0, 8};
  t.reduce = 2;
  t.loops = {1, 1, 1, 1, 1, 4, 5, 6};
  EXPECT_NO_THROW(plan(t, MemorySizes(core)));
  change(t);
  try {
    plan(t, MemorySizes(core));
  } catch (const InstructionError& error) {
    return error.field();
  }
  return "nothing";
}

TEST(TensorUnitChecks, IllegalInstructionsAreRefused) {
  // 16 KiB are 512 lines of 32 bytes.
  EXPECT_EQ(refused_field([](isa::Tensor& t) { t.a.base = 512; }), "a");
  EXPECT_EQ(refused_field([](isa::Tensor& t) { t.a.stride[7] = -1; }), "a");
  EXPECT_EQ(refused_field([](isa::Tensor& t) { t.b.base = 507, t.b.stride[7] = 1; }), "b");
  EXPECT_EQ(refused_field([](isa::Tensor& t) { t.b.base = 506, t.b.stride[7] = 1; }), "nothing");
  EXPECT_EQ(refused_field([](isa::Tensor& t) { t.c.base = 512; }), "nothing");
  EXPECT_EQ(refused_field([](isa::Tensor& t) { t.c.base = 512, t.init = isa::Init::kBias; }), "c");
  EXPECT_EQ(refused_field([](isa::Tensor& t) { t.c.base = 497, t.init = isa::Init::kSpill; }), "c");
  EXPECT_EQ(refused_field([](isa::Tensor& t) { t.c.base = 496, t.init = isa::Init::kSpill; }), "nothing");
  EXPECT_EQ(refused_field([](isa::Tensor& t) { t.o.base = 2041; }), "o");
  EXPECT_EQ(refused_field([](isa::Tensor& t) { t.o.base = 2040; }), "nothing");
  EXPECT_EQ(refused_field([](isa::Tensor& t) { t.o.base = 497, t.spill = 1; }), "o");
  EXPECT_EQ(refused_field([](isa::Tensor& t) { t.o.base = 2039, t.o.stride[5] = 1; }), "o");
  EXPECT_EQ(refused_field([](isa::Tensor& t) { t.loops[3] = 0; }), "loop[3]");
  EXPECT_EQ(refused_field([](isa::Tensor& t) { t.loops.fill(65535); }), "loop");
  EXPECT_EQ(refused_field([](isa::Tensor& t) { t.row_count = 0; }), "row_count");
  EXPECT_EQ(refused_field([](isa::Tensor& t) { t.row_first = 1; }), "row_count");
  EXPECT_EQ(refused_field([](isa::Tensor& t) { t.mask = {0, 0}; }), "mask.lane_count");
  EXPECT_EQ(refused_field([](isa::Tensor& t) { t.mask = {1, 8}; }), "mask");
  EXPECT_EQ(refused_field([](isa::Tensor& t) { t.reduce = 9; }), "reduce");
}

}  // namespace
}  // namespace anzan::models::tensor_unit_test
