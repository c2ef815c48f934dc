// Draws instructions, memories and settings from a seed, and compares cores with the reference.
#include "tests/models/instruction_cases.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <numeric>

namespace anzan::reference {

std::int64_t CaseMaker::between(std::int64_t low, std::int64_t high) {
  return low + static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(high - low + 1));
}

void CaseMaker::loops(std::array<std::uint16_t, isa::kLoops>& counts, int first, int last,
                      std::int64_t budget) {
  for (int k = first; k < last; ++k) {
    const std::int64_t most = std::min<std::int64_t>(budget, chance(10) ? 200 : 6);
    if (most < 2 || chance(50)) continue;
    counts[static_cast<std::size_t>(k)] = static_cast<std::uint16_t>(between(2, most));
    budget /= counts[static_cast<std::size_t>(k)];
  }
}

// All iterations reach over [at + low, at + high] and stay in [first, first + size).
isa::Address CaseMaker::address(const std::array<std::uint16_t, isa::kLoops>& counts, int depth,
                                std::int64_t low, std::int64_t high, std::int64_t first, std::int64_t size) {
  isa::Address a;
  std::int64_t slack = size - (high - low) - 1, below = 0;
  std::array<std::size_t, isa::kLoops> order;
  std::iota(order.begin(), order.end(), 0);
  std::shuffle(order.begin(), order.end(), random_);
  for (const std::size_t k : order) {
    // Strides of loops that do not address are drawn as well: they must not matter.
    if (static_cast<int>(k) >= depth) {
      a.stride[k] = static_cast<std::int32_t>(between(-1000, 1000));
      continue;
    }
    const std::int64_t steps = counts[k] - 1, most = steps == 0 ? 100 : slack / steps;
    if (most == 0 || chance(15)) continue;
    const std::int64_t small = std::min<std::int64_t>(most, 4);
    const std::int64_t stride = chance(50) ? between(1, small) : between(0, most);
    const bool down = chance(25);
    a.stride[k] = static_cast<std::int32_t>(down ? -stride : stride);
    slack -= stride * steps;
    if (down) below += stride * steps;
  }
  a.base = static_cast<std::uint32_t>(first - low + below + between(0, slack));
  return a;
}

isa::Index CaseMaker::index() {
  isa::Index x;
  x.base = static_cast<std::uint32_t>(random_());
  for (std::int32_t& stride : x.stride)
    stride = static_cast<std::int32_t>(chance(50) ? between(-64, 64) : random_());
  x.row_stride = static_cast<std::int32_t>(random_());
  x.lane_stride = static_cast<std::int32_t>(chance(50) ? 1 : random_());
  return x;
}

isa::Mask CaseMaker::mask() {
  if (chance(40)) return {0, static_cast<std::uint8_t>(lanes_)};
  const std::int64_t first = between(0, lanes_ - 1);
  return {static_cast<std::uint8_t>(first), static_cast<std::uint8_t>(between(1, lanes_ - first))};
}

isa::Tensor CaseMaker::tensor() {
  isa::Tensor t;
  t.format = format();
  t.out_format = format();
  t.reduce = static_cast<std::uint8_t>(between(0, 8));
  const int outer = isa::kLoops - t.reduce;
  loops(t.loops, 0, outer, 12);
  loops(t.loops, outer, isa::kLoops, pick({3, 8, 40, 300}));
  t.init = pick({isa::Init::kZero, isa::Init::kZero, isa::Init::kBias, isa::Init::kSpill});
  t.spill = chance(15);
  t.relu = chance(30);
  t.analyse = chance(70);
  t.slot_a = 1;
  t.slot_b = static_cast<std::uint16_t>(chance(20) ? 1 : 2);
  t.slot_o = 1023;
  t.row_first = static_cast<std::uint8_t>(chance(60) ? 0 : between(0, lanes_ - 1));
  t.row_count =
      static_cast<std::uint8_t>(chance(30) ? lanes_ - t.row_first : between(1, lanes_ - t.row_first));
  t.mask = mask();
  t.x = index();
  const std::int64_t lines = t.format == isa::Format::kFp32 ? 1 : 2;
  const std::int64_t first = t.row_first, last = t.row_first + t.row_count - 1;
  t.a = address(t.loops, isa::kLoops, 0, 0, 0, kInputLines);
  t.b = address(t.loops, isa::kLoops, 0, 0, 0, kInputLines);
  t.c = t.init == isa::Init::kSpill
            ? address(t.loops, outer, lines * first, lines * last + lines - 1, kInputLines, kStartLines)
            : address(t.loops, outer, 0, 0, kInputLines, kStartLines);
  const std::int64_t rows = t.out_format == isa::Format::kInt8    ? 4
                            : t.out_format == isa::Format::kInt16 ? 2
                                                                  : 1;
  t.o = t.spill != 0
            ? address(t.loops, outer, lines * first, lines * last + lines - 1, kInputLines + kStartLines,
                      kOutputLines)
            : address(t.loops, outer, first, last, rows * (kInputLines + kStartLines), rows * kOutputLines);
  integer_start_ = t.init == isa::Init::kSpill && lines == 2;
  output_ = t.spill != 0 ? isa::Format::kFp32 : t.out_format;
  slot_o_ = t.slot_o;
  return t;
}

isa::Operand CaseMaker::operand(const isa::Vector& v) {
  isa::Operand o;
  o.kind = pick({isa::OperandKind::kRows, isa::OperandKind::kRows, isa::OperandKind::kScalar,
                 isa::OperandKind::kBroadcast});
  o.format = format();
  o.slot = static_cast<std::uint16_t>(between(1, 3));
  const std::int64_t rows = o.format == isa::Format::kInt8 ? 4 : o.format == isa::Format::kInt16 ? 2 : 1;
  if (o.kind == isa::OperandKind::kScalar)
    o.at.base = static_cast<std::uint32_t>(between(0, isa::kScalars - 1));
  else
    o.at = address(v.loops, isa::kLoops, 0, 0, 0,
                   kInputLines * rows * (o.kind == isa::OperandKind::kBroadcast ? lanes_ : 1));
  return o;
}

isa::Vector CaseMaker::vector() {
  isa::Vector v;
  v.op = static_cast<isa::VectorOp>(between(0, 17));
  v.reduction =
      chance(50)
          ? isa::Reduction::kNone
          : pick({isa::Reduction::kAdd, isa::Reduction::kMax, isa::Reduction::kMin, isa::Reduction::kArgmax});
  v.reduce = static_cast<std::uint8_t>(v.reduction == isa::Reduction::kNone ? 0 : between(0, 8));
  const int outer = isa::kLoops - v.reduce;
  loops(v.loops, 0, outer, pick({4, 30, 150}));
  loops(v.loops, outer, isa::kLoops, pick({4, 9, 100}));
  v.relu = chance(30);
  v.analyse = chance(70);
  v.out_format = format();
  v.slot_o = static_cast<std::uint16_t>(between(1, 4));
  v.mask = mask();
  v.a = operand(v);
  v.b = operand(v);
  v.c = operand(v);
  const std::int64_t rows = v.out_format == isa::Format::kInt8    ? 4
                            : v.out_format == isa::Format::kInt16 ? 2
                                                                  : 1;
  v.o = address(v.loops, outer, 0, 0, rows * (kInputLines + kStartLines), rows * kOutputLines);
  v.x = index();
  if (chance(10)) {  // a row may be rewritten in place
    v.reduction = isa::Reduction::kNone;
    v.reduce = 0;
    v.loops = {1, 1, 1, 1, 1, 1, 1, static_cast<std::uint16_t>(between(1, 150))};
    v.b.kind = v.c.kind = isa::OperandKind::kScalar;
    v.b.at.base = v.c.at.base = 7;
    v.a.kind = isa::OperandKind::kRows;
    v.a.format = v.out_format;
    v.a.slot = v.slot_o;
    v.a.at = isa::Address{static_cast<std::uint32_t>(rows * (kInputLines + kStartLines) + between(0, 50)),
                          {0, 0, 0, 0, 0, 0, 0, 1}};
    v.o = v.a.at;
  }
  integer_start_ = false;
  output_ = v.out_format;
  slot_o_ = v.slot_o;
  return v;
}

// Where the output is of bytes, operand c may be of the same slot; scalar 7 is the other side of comparisons.
isa::Vector CaseMaker::vector_of_lines() {
  isa::Vector v;
  const bool folds = chance(50);
  const isa::Format format = pick({isa::Format::kInt8, isa::Format::kInt8, isa::Format::kFp32});
  const std::int64_t line = format == isa::Format::kInt8 ? 4 : 1;
  const std::int64_t outer = chance(80) ? 4 * between(1, 20) : between(1, 80);
  const std::int64_t positions = folds ? between(2, 20) : 1, stride = line * pick({0, 1, 3, 4});
  v.op = folds ? pick({isa::VectorOp::kMul, isa::VectorOp::kCopy})
               : pick({isa::VectorOp::kSelectGt, isa::VectorOp::kAdd, isa::VectorOp::kFma});
  v.reduction = folds ? isa::Reduction::kAdd : isa::Reduction::kNone;
  v.reduce = folds ? 1 : 0;
  v.loops[6] = static_cast<std::uint16_t>(outer);
  v.loops[7] = static_cast<std::uint16_t>(positions);
  v.relu = chance(10);
  v.analyse = chance(30);
  v.out_format = folds ? isa::Format::kFp32 : format;
  v.slot_o = 3;
  v.mask = mask();
  for (isa::Operand* operand : {&v.a, &v.b, &v.c}) {
    operand->kind = isa::OperandKind::kRows;
    operand->format = format;
    operand->slot = static_cast<std::uint16_t>(operand == &v.c ? 3 : between(1, 3));
    const std::int64_t slack = kInputLines * line - outer - stride * (positions - 1);
    operand->at.base = static_cast<std::uint32_t>(between(0, slack));
    if (chance(80)) operand->at.base -= operand->at.base % static_cast<std::uint32_t>(line);
    operand->at.stride[6] = 1;
    operand->at.stride[7] = static_cast<std::int32_t>(stride);
  }
  if (v.op == isa::VectorOp::kSelectGt) {
    v.b.kind = isa::OperandKind::kScalar;
    v.b.at = {7, {}};
  }
  const std::int64_t rows = v.out_format == isa::Format::kInt8 ? 4 : 1;
  v.o.base = static_cast<std::uint32_t>(rows * (kInputLines + kStartLines) + (chance(20) ? 1 : 0));
  v.o.stride[6] = 1;
  v.x = index();
  integer_start_ = false;
  output_ = v.out_format;
  slot_o_ = v.slot_o;
  return v;
}

isa::Copy CaseMaker::copy() {
  isa::Copy c;
  c.element = format();
  c.src_space = pick({isa::Space::kScratchpad, isa::Space::kHbm});
  c.dst_space = pick({isa::Space::kScratchpad, isa::Space::kHbm});
  if (c.src_space == isa::Space::kHbm) c.dst_space = isa::Space::kScratchpad;  // one side at most is HBM
  loops(c.loops, 0, isa::kLoops, pick({4, 30, 200}));
  const std::int64_t rows = c.element == isa::Format::kInt8 ? 4 : c.element == isa::Format::kInt16 ? 2 : 1;
  c.src = address(c.loops, isa::kLoops, 0, 0, 0, rows * kInputLines);
  c.dst = address(c.loops, isa::kLoops, 0, 0, rows * (kInputLines + kStartLines), rows * kOutputLines);
  if (chance(30)) {  // whole lines, as most copies are
    const auto n = static_cast<std::uint16_t>(rows * between(1, 8));
    c.loops = {
        1, 1, 1, 1, 1, static_cast<std::uint16_t>(between(1, 6)), static_cast<std::uint16_t>(between(1, 4)),
        n};
    const auto line = static_cast<std::int32_t>(rows);
    c.src = {static_cast<std::uint32_t>(rows * between(0, 9)),
             {0, 0, 0, 0, 0, line * pick({3, 24, -1}), chance(50) ? n : line * 10, 1}};
    if (c.src.stride[5] < 0) c.src.base += static_cast<std::uint32_t>(6 * line);
    c.dst = {static_cast<std::uint32_t>(rows * (kInputLines + kStartLines)),
             {0, 0, 0, 0, 0, line * 40, chance(50) ? n : line * 10, 1}};
    if (chance(20)) ++c.dst.base;
  }
  output_ = isa::Format::kFp32;
  integer_start_ = false;
  return c;
}

isa::Transpose CaseMaker::transpose() {
  isa::Transpose t;
  t.element = format();
  const auto extent = [&] { return static_cast<std::uint8_t>(chance(50) ? lanes_ : between(1, lanes_)); };
  t.src_rows = extent();
  t.src_lanes = extent();
  t.dst_rows = extent();
  loops(t.loops, 0, isa::kLoops, 30);
  const std::int64_t rows = t.element == isa::Format::kInt8 ? 4 : t.element == isa::Format::kInt16 ? 2 : 1;
  t.src = address(t.loops, isa::kLoops, 0, t.src_rows - 1, 0, rows * kInputLines);
  t.dst = address(t.loops, isa::kLoops, 0, t.dst_rows - 1, rows * (kInputLines + kStartLines),
                  rows * kOutputLines);
  if (chance(60)) {  // blocks that start at a line, as most do
    const auto fit = [&](isa::Address& a) {
      a.base -= a.base % static_cast<std::uint32_t>(rows);
      for (std::int32_t& s : a.stride) s -= s % static_cast<std::int32_t>(rows);
    };
    // Strides may only shrink towards zero here, so a block that ran downwards could start too high.
    const auto downwards = [](const isa::Address& a) {
      return std::any_of(a.stride.begin(), a.stride.end(), [](std::int32_t s) { return s < 0; });
    };
    if (!downwards(t.src)) fit(t.src);
    if (!downwards(t.dst)) fit(t.dst);
  }
  output_ = isa::Format::kFp32;
  integer_start_ = false;
  return t;
}

std::uint32_t CaseMaker::word(int style) {
  const auto any = static_cast<std::uint32_t>(random_());
  switch (style) {
    case 0:
      return any;
    case 1:  // floats near one
      return (any & 0x80ffffffU) | static_cast<std::uint32_t>(between(118, 132)) << 23;
    case 2:  // small integers in every byte, as most gradients are
      return (any & 0x01010101U) * static_cast<std::uint32_t>(chance(50) ? 0xff : 1);
    case 3:  // floats with few significant bits: ties, powers of two, zeros
      return chance(10) ? any & 0x80000000U
                        : (any & 0x80e00000U) | static_cast<std::uint32_t>(between(122, 130)) << 23;
    case 4:  // the ends of the integer ranges
      return pick<std::uint32_t>(
          {0x80808080U, 0x80008000U, 0x7f7f7f7fU, 0x7fff7fffU, 0U, 0xffffffffU, 0x8000ff80U});
    default:  // not numbers, infinities, subnormals, the ends of FP32
      return pick<std::uint32_t>(
          {0x7f800000U, 0xff800000U, 0x7fc00000U, 0xffc00001U, 0x7f800001U, 0xffbfffffU, 1U,
           0x80000001U, 0x007fffffU, 0x00800000U, 0x80800000U, 0x7f7fffffU, 0xff7fffffU, 0x3f800000U,
           0xbf800000U, 0x80000000U, 0U,          0x4f000000U, 0xcf000000U, 0x4effffffU, any});
  }
}

models::SlotSettings CaseMaker::slot(isa::Format format) {
  models::SlotSettings s;
  const int most = format == isa::Format::kInt8 ? 8 : isa::kWidthMax;
  s.width = static_cast<std::uint8_t>(chance(60) ? most : between(isa::kWidthMin, most));
  const bool wild = chance(15);
  s.q_read =
      static_cast<std::int8_t>(wild ? between(isa::kBinaryPointMin, isa::kBinaryPointMax) : between(-2, 12));
  s.q_write =
      static_cast<std::int8_t>(wild ? between(isa::kBinaryPointMin, isa::kBinaryPointMax) : between(-12, 12));
  s.rounding = pick({isa::Rounding::kNearestEven, isa::Rounding::kStochastic, isa::Rounding::kTowardsZero});
  return s;
}

Machine CaseMaker::machine() {
  Machine m;
  m.lanes = lanes_;
  const auto words = static_cast<std::size_t>(kLines * lanes_);
  std::vector<std::uint32_t> memory(2 * words);
  const int main_style = static_cast<int>(between(0, 5)), other_style = static_cast<int>(between(0, 5));
  const int others = pick({0, 0, 2, 20});
  for (std::uint32_t& w : memory) w = word(chance(others) ? other_style : main_style);
  if (integer_start_)
    for (std::int64_t k = kInputLines * lanes_; k < (kInputLines + kStartLines) * lanes_; ++k)
      memory[static_cast<std::size_t>(k)] =
          static_cast<std::uint32_t>(between(-16384, 16383)) * (chance(50) ? 0U : 1U);
  m.scratchpad.resize(4 * words);
  m.hbm.resize(4 * words);
  std::memcpy(m.scratchpad.data(), memory.data(), 4 * words);
  std::memcpy(m.hbm.data(), memory.data() + words, 4 * words);
  for (int k = 1; k <= 4; ++k) m.settings.slot(k) = slot(isa::Format::kInt16);
  m.settings.slot(slot_o_) = slot(output_);
  for (int k = 0; k < isa::kScalars; ++k) m.settings.set_scalar(k, word(chance(30) ? 5 : 1));
  m.settings.set_seed(static_cast<std::uint32_t>(random_()));
  m.settings.set_step(static_cast<std::uint32_t>(between(0, 9)));
  return m;
}

models::Core core_of(const Machine& machine) {
  // A scratchpad has whole KiB; the reference has exactly as many lines as the cases use.
  const auto size = static_cast<std::int64_t>(machine.scratchpad.size());
  models::Core core(machine.lanes, size / 1024, kLines);
  std::memcpy(core.scratchpad(), machine.scratchpad.data(), machine.scratchpad.size());
  std::memcpy(core.hbm(), machine.hbm.data(), machine.hbm.size());
  core.settings = machine.settings;
  return core;
}

void expect_same(const Machine& start, const Machine& expected, const std::string& what,
                 const Execute& execute) {
  for (const models::kernels::KernelSet* kernels : models::kernels::available_kernels(start.lanes)) {
    models::Core core = core_of(start);
    models::LocalStatistics statistics;
    execute(core, *kernels, statistics);
    const std::string where = what + ", lanes " + std::to_string(start.lanes) + ", kernels " + kernels->name;
    for (const auto& [name, found, wanted] :
         {std::tuple("scratchpad", core.scratchpad(), &expected.scratchpad),
          std::tuple("hbm", core.hbm(), &expected.hbm)}) {
      const auto difference = std::mismatch(wanted->begin(), wanted->end(), found);
      ASSERT_EQ(difference.first, wanted->end())
          << where << ": " << name << " differs at byte " << difference.first - wanted->begin() << ", found "
          << int{*difference.second} << ", expected " << int{*difference.first};
    }
    ASSERT_EQ(statistics.values, expected.statistics.values) << where;
    ASSERT_EQ(statistics.zeros, expected.statistics.zeros) << where;
    ASSERT_EQ(statistics.saturated_high, expected.statistics.saturated_high) << where;
    ASSERT_EQ(statistics.saturated_low, expected.statistics.saturated_low) << where;
    ASSERT_EQ(statistics.underflows, expected.statistics.underflows) << where;
    ASSERT_EQ(statistics.histogram, expected.statistics.histogram) << where;
  }
}

void in_pieces(const models::Plan& plan,
               const std::function<void(std::int64_t first, std::int64_t last)>& run) {
  if (!plan.independent) return run(0, plan.iterations);
  const std::int64_t piece = plan.iterations / 3 + 1;
  for (std::int64_t last = plan.iterations; last > 0; last -= piece)
    run(std::max<std::int64_t>(0, last - piece), last);
}

}  // namespace anzan::reference
