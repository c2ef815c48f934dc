// Loop nests and copies: levels that walk like one, and rows that become lines.
#include "compiler/instructions/moves.hpp"

#include <gtest/gtest.h>

#include <stdexcept>
#include <tuple>

#include "compiler/instructions/nest.hpp"
#include "compiler/instructions/operands.hpp"

namespace anzan::compiler {
namespace {

using isa::Format;

TEST(Nest, MergesLevelsThatWalkLikeOne) {
  isa::Vector v;
  Nest().loop(3, {20, 40, 0, 8, 5}).loop(4, {5, 10, 0, 2}).loop(2, {1, 1, 1, 1, 1}).fold(6, {7}).finish(v);
  // the logical index does not go on from the second level to the first: they stay two
  EXPECT_EQ(v.loops, (decltype(v.loops){1, 1, 1, 1, 3, 4, 2, 6}));
  EXPECT_EQ(v.reduce, 1);
  EXPECT_EQ(v.o.stride[4], 8);
  EXPECT_EQ(v.x.stride[4], 5);
  isa::Copy c;
  Nest().loop(3, {20, 8}).loop(4, {5, 2}).finish(c);
  EXPECT_EQ(c.loops.back(), 12);
  EXPECT_EQ(c.src.stride.back(), 5);
  EXPECT_EQ(c.dst.stride.back(), 2);
}

TEST(Nest, RefusesWhatTheDescriptorCannotSay) {
  isa::Copy c;
  EXPECT_THROW(Nest().loop(65536, {1, 1}).finish(c), std::logic_error);
  EXPECT_THROW(Nest().loop(2, {std::int64_t{1} << 31, 1}).finish(c), std::logic_error);
  Nest deep;
  for (int k = 0; k < isa::kLoops + 1; ++k) deep.loop(2, {k * k + 1, 1});
  EXPECT_THROW(deep.finish(c), std::logic_error);
}

TEST(Copying, MovesWholeLinesWhereEverythingIsAligned) {
  const isa::Copy lines = copying(Format::kInt8, in_hbm(8), in_scratchpad(16), {{3, 40, 8}, {8, 1, 1}});
  EXPECT_EQ(lines.element, Format::kFp32);
  EXPECT_EQ(lines.src_space, isa::Space::kHbm);
  EXPECT_EQ(lines.dst_space, isa::Space::kScratchpad);
  EXPECT_EQ(lines.src.base, 2u);
  EXPECT_EQ(lines.dst.base, 4u);
  EXPECT_EQ(lines.loops, (decltype(lines.loops){1, 1, 1, 1, 1, 1, 3, 2}));
  EXPECT_EQ(lines.src.stride[6], 10);
  EXPECT_EQ(lines.dst.stride[6], 2);
  for (const auto& [from, to, rows] : {std::tuple{7, 16, 8}, {8, 15, 8}, {8, 16, 7}}) {
    const isa::Copy c = copying(Format::kInt8, in_hbm(from), in_scratchpad(to), {{3, 40, 8}, {rows, 1, 1}});
    EXPECT_EQ(c.element, Format::kInt8);
    EXPECT_EQ(c.src.base, static_cast<std::uint32_t>(from));
    EXPECT_EQ(c.dst.base, static_cast<std::uint32_t>(to));
  }
}

TEST(Operands, HaveTheirFields) {
  const isa::Operand r = rows(Format::kInt16, 7, 30), s = scalar(9), b = broadcast(33);
  EXPECT_EQ(r.kind, isa::OperandKind::kRows);
  EXPECT_EQ(r.format, Format::kInt16);
  EXPECT_EQ(r.slot, 7);
  EXPECT_EQ(r.at.base, 30u);
  EXPECT_EQ(s.kind, isa::OperandKind::kScalar);
  EXPECT_EQ(s.at.base, 9u);
  EXPECT_EQ(b.kind, isa::OperandKind::kBroadcast);
  EXPECT_EQ(b.at.base, 33u);
  const isa::Index x = indices(100, 12, 3);
  EXPECT_EQ(x.base, 100u);
  EXPECT_EQ(x.lane_stride, 12);
  EXPECT_EQ(x.row_stride, 3);
}

}  // namespace
}  // namespace anzan::compiler
