// Loop nests and copies: levels that walk like one, and rows that become lines.
#include "compiler/instructions/moves.hpp"

#include <gtest/gtest.h>

#include <set>
#include <stdexcept>
#include <tuple>
#include <utility>
#include <vector>

#include "compiler/instructions/nest.hpp"
#include "compiler/instructions/operands.hpp"

namespace anzan::compiler::moves_test {
namespace {

using isa::Format;

TEST(Nest, MergesLevelsThatWalkLikeOne) {
  const isa::Vector v = only(Nest()
                                 .loop(3, {20, 40, 0, 8, 5})
                                 .loop(4, {5, 10, 0, 2})
                                 .loop(2, {1, 1, 1, 1, 1})
                                 .fold(6, {7})
                                 .finish(isa::Vector{}));
  // the logical index does not go on from the second level to the first: they stay two
  EXPECT_EQ(v.loops, (decltype(v.loops){1, 1, 1, 1, 3, 4, 2, 6}));
  EXPECT_EQ(v.reduce, 1);
  EXPECT_EQ(v.o.stride[4], 8);
  EXPECT_EQ(v.x.stride[4], 5);
  const isa::Copy c = only(Nest().loop(3, {20, 8}).loop(4, {5, 2}).finish(isa::Copy{}));
  EXPECT_EQ(c.loops.back(), 12);
  EXPECT_EQ(c.src.stride.back(), 5);
  EXPECT_EQ(c.dst.stride.back(), 2);
}

// What one instruction, or all of them one after the other, read and write: a and b of each iteration.
std::multiset<std::pair<std::int64_t, std::int64_t>> walked(const std::vector<isa::Copy>& copies) {
  std::multiset<std::pair<std::int64_t, std::int64_t>> all;
  for (const isa::Copy& c : copies) {
    std::vector<std::pair<std::int64_t, std::int64_t>> at{{c.src.base, c.dst.base}};
    for (std::size_t l = 0; l < c.loops.size(); ++l) {
      std::vector<std::pair<std::int64_t, std::int64_t>> next;
      for (const auto& [src, dst] : at) {
        for (std::int64_t i = 0; i < c.loops[l]; ++i)
          next.emplace_back(src + i * c.src.stride[l], dst + i * c.dst.stride[l]);
      }
      at = std::move(next);
    }
    all.insert(at.begin(), at.end());
  }
  return all;
}

TEST(Nest, MakesSeveralInstructionsOfWhatOneCannotSay) {
  isa::Copy start;
  start.src.base = 5;
  start.dst.base = 1000;
  for (const std::int64_t count : {65535, 65536, 65537, 131072, 196611}) {
    const std::vector<isa::Copy> copies = Nest().loop(2, {7, 1 << 20}).loop(count, {3, 2}).finish(start);
    EXPECT_EQ(copies.size(), count % 32768 == 0 || count == 65535 ? 1u : 2u) << count;
    std::multiset<std::pair<std::int64_t, std::int64_t>> expected;
    for (std::int64_t j = 0; j < 2; ++j) {
      for (std::int64_t i = 0; i < count; ++i) expected.emplace(5 + 7 * j + 3 * i, 1000 + (j << 20) + 2 * i);
    }
    EXPECT_TRUE(walked(copies) == expected) << count;
  }
  Nest deep;
  std::multiset<std::pair<std::int64_t, std::int64_t>> expected{{5, 1000}};
  for (std::int64_t k = 0; k < isa::kLoops + 2; ++k) {
    deep.loop(2, {100 * k * k, k + 1});
    const auto before = expected;
    for (const auto& [src, dst] : before) expected.emplace(src + 100 * k * k, dst + k + 1);
  }
  const std::vector<isa::Copy> copies = deep.finish(start);
  EXPECT_EQ(copies.size(), 4u);
  EXPECT_TRUE(walked(copies) == expected);
}

TEST(Nest, CutsLongFoldsWithinOneInstruction) {
  const isa::Tensor t = only(Nest().loop(3, {0, 9, 0, 1}).fold(3 * 65521, {1, 2}).finish(isa::Tensor{}));
  EXPECT_EQ(t.reduce, 2);
  EXPECT_EQ(t.loops, (decltype(t.loops){1, 1, 1, 1, 1, 3, 3, 65521}));
  EXPECT_EQ(t.a.stride[6], 65521);
  EXPECT_EQ(t.b.stride[6], 2 * 65521);
  EXPECT_THROW(Nest().fold(65537, {1, 2}).finish(isa::Tensor{}), std::logic_error);  // a prime
  EXPECT_THROW(only(Nest().loop(65537, {1, 1}).finish(isa::Copy{})), std::logic_error);
}

TEST(Nest, RefusesNumbersThatTheirFieldsCannotHold) {
  const isa::Copy c;
  EXPECT_THROW(Nest().loop(0, {1, 1}).finish(c), std::logic_error);
  EXPECT_THROW(Nest().loop(-3, {1, 1}).finish(c), std::logic_error);
  EXPECT_THROW(Nest().loop(2, {std::int64_t{1} << 31, 1}).finish(c), std::logic_error);
  EXPECT_THROW(at(-1), std::logic_error);
  EXPECT_THROW(at(std::int64_t{1} << 32), std::logic_error);
  EXPECT_THROW(lane_mask(0, 256), std::logic_error);
  EXPECT_THROW(lane_mask(-1, 4), std::logic_error);
  EXPECT_THROW(copying_lines(in_hbm(0), in_scratchpad(0), 65536), std::logic_error);
  EXPECT_THROW(putting_lines(1, 0, 0, 65536, 1), std::logic_error);
  EXPECT_THROW(indices(std::int64_t{1} << 32, 1), std::logic_error);
  EXPECT_EQ(indices(-1, 1).base, 0xffffffffU);
}

TEST(Copying, MovesWholeLinesWhereEverythingIsAligned) {
  const isa::Copy lines = only(copying(Format::kInt8, in_hbm(8), in_scratchpad(16), {{3, 40, 8}, {8, 1, 1}}));
  EXPECT_EQ(lines.element, Format::kFp32);
  EXPECT_EQ(lines.src_space, isa::Space::kHbm);
  EXPECT_EQ(lines.dst_space, isa::Space::kScratchpad);
  EXPECT_EQ(lines.src.base, 2u);
  EXPECT_EQ(lines.dst.base, 4u);
  EXPECT_EQ(lines.loops, (decltype(lines.loops){1, 1, 1, 1, 1, 1, 3, 2}));
  EXPECT_EQ(lines.src.stride[6], 10);
  EXPECT_EQ(lines.dst.stride[6], 2);
  for (const auto& [from, to, rows] : {std::tuple{7, 16, 8}, {8, 15, 8}, {8, 16, 7}}) {
    const isa::Copy c =
        only(copying(Format::kInt8, in_hbm(from), in_scratchpad(to), {{3, 40, 8}, {rows, 1, 1}}));
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
}  // namespace anzan::compiler::moves_test
