// The formulas, with numbers worked out by hand from the pages of models/clocked.
#include "models/timing.hpp"

#include <gtest/gtest.h>

namespace anzan::models::timing_test {
namespace {

TEST(Timing, AnInstructionIsFetchedInWholeLines) {
  EXPECT_EQ(fetch_cycles(isa::Tensor{}, 16), 4);  // 57 words
  EXPECT_EQ(fetch_cycles(isa::Tensor{}, 4), 15);
  EXPECT_EQ(fetch_cycles(isa::Settle{}, 16), 1);
}

isa::Tensor tensor(int tiles, int steps, int rows) {
  isa::Tensor t;
  t.reduce = 1;
  t.loops[6] = static_cast<std::uint16_t>(tiles);
  t.loops[7] = static_cast<std::uint16_t>(steps);
  t.row_count = static_cast<std::uint8_t>(rows);
  return t;
}

TEST(Timing, TilesOfManyStepsHideTheirDrain) {
  // setup 4, first address in cycle 5, 10 tiles of 125 steps, the last added in 4 + 1250 + 2, 16 rows,
  // written 2 later
  EXPECT_EQ(work_cycles(tensor(10, 125, 16)), 4 + 1250 + 2 + 16 + 2);
}

TEST(Timing, TilesOfFewStepsAreBoundByTheirDrain) {
  EXPECT_EQ(work_cycles(tensor(10, 7, 16)), 4 + 7 + 2 + 160 + 2);
}

TEST(Timing, ATileTakesAtLeastTwoCycles) { EXPECT_EQ(work_cycles(tensor(10, 1, 1)), 4 + 20 + 2 + 1 + 2); }

TEST(Timing, SpillsOfIntegersTakeTwoLinesARow) {
  isa::Tensor t = tensor(3, 100, 16);
  t.init = isa::Init::kSpill;
  t.spill = 1;
  t.format = isa::Format::kInt8;
  EXPECT_EQ(work_cycles(t), 4 + 3 * 132 + 2 + 32 + 2);
  t.format = isa::Format::kFp32;
  EXPECT_EQ(work_cycles(t), 4 + 3 * 116 + 2 + 16 + 2);
}

TEST(Timing, OnlyAnalysedRowsAreMerged) {
  isa::Tensor t = tensor(1, 1, 1);
  EXPECT_FALSE(merges(t));
  t.analyse = 1;
  EXPECT_TRUE(merges(t));
  EXPECT_EQ(estimated_cycles(t), work_cycles(t) + 10);
  t.spill = 1;
  EXPECT_FALSE(merges(t));
  isa::Vector v;
  v.analyse = 1;
  EXPECT_TRUE(merges(v));
}

TEST(Timing, VectorTakesACycleAnIterationAndItsPipeline) {
  isa::Vector v;
  v.loops[6] = 30;
  v.loops[7] = 4;
  EXPECT_EQ(work_cycles(v), 4 + 120 + 4 + 3);
}

TEST(Timing, TheDmaMovesARowACycle) {
  isa::Copy c;
  c.loops[7] = 50;
  EXPECT_EQ(work_cycles(c), 1 + 50 + 2);
  isa::Transpose t;
  t.loops[7] = 5;
  t.src_rows = 16;
  t.dst_rows = 4;
  EXPECT_EQ(work_cycles(t), 1 + 80 + 4 + 1);
}

TEST(Timing, AnUpdateReadsLooksDecidesAndWrites) {
  EXPECT_EQ(kMergeCycles, 10);
  EXPECT_EQ(work_cycles(isa::Update{}), 100);
  EXPECT_EQ(work_cycles(isa::Settle{}), 2);
  EXPECT_EQ(work_cycles(isa::Take{}), 10 + 18);
  EXPECT_EQ(work_cycles(isa::Give{}), 18 + 1 + 10);
}

}  // namespace
}  // namespace anzan::models::timing_test
