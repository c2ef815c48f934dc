// What an instruction reads and what it writes lies in different halves of the scratchpad, so that no tile or
// iteration reads what another of the same instruction writes; copies carry results back to where they are
// read.
#include "sim/random_program.hpp"

#include <algorithm>
#include <cstring>
#include <random>

#include "compiler/dependencies.hpp"
#include "compiler/semaphores.hpp"

namespace anzan::sim {
namespace {

using Loops = std::array<std::uint16_t, isa::kLoops>;

std::int64_t rows_per_line(isa::Format format) {
  return format == isa::Format::kInt8 ? 4 : format == isa::Format::kInt16 ? 2 : 1;
}

constexpr std::int64_t kPutLines = 32;  // the last of the scratchpad

class Draw {
 public:
  explicit Draw(std::uint64_t seed) : random_(seed) {}
  std::int64_t between(std::int64_t low, std::int64_t high) {
    return low + static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(high - low + 1));
  }
  bool chance(int percent) { return between(0, 99) < percent; }
  std::uint32_t bits() { return static_cast<std::uint32_t>(random_()); }
  std::uint8_t small(std::int64_t low, std::int64_t high) {
    return static_cast<std::uint8_t>(between(low, high));
  }

 private:
  std::mt19937_64 random_;
};

class Maker {
 public:
  Maker(std::uint64_t seed, const RandomProgramShape& shape)
      : d_(seed), s_(shape), half_((shape.scratchpad_lines - kPutLines) / 2) {}

  isa::Instruction instruction() {
    switch (d_.between(0, 11)) {
      case 0:
        return isa::Update{0, 0, slot()};
      case 1:
        return isa::Settle{0, 0, slot()};
      case 2:
        return transpose();
      case 3:
        return put();
      case 4:
      case 5:
      case 6:
        return copy();
      case 7:
      case 8:
        return vector();
      default:
        return tensor();
    }
  }

 private:
  std::uint16_t slot() { return static_cast<std::uint16_t>(d_.between(0, s_.slots - 1)); }
  isa::Format format() { return static_cast<isa::Format>(d_.between(0, 2)); }

  // Counts of the loops [first, last) whose product is `most` at most.
  void loops(Loops& counts, int first, int last, std::int64_t most) {
    for (int k = first; k < last; ++k) {
      if (most < 2 || d_.chance(50)) continue;
      counts[static_cast<std::size_t>(k)] =
          static_cast<std::uint16_t>(d_.between(2, std::min<std::int64_t>(most, 9)));
      most /= counts[static_cast<std::size_t>(k)];
    }
  }

  // Over the loops [0, depth) it stays in [first, first + size), reaching `reach` beyond each address.
  isa::Address address(const Loops& counts, int depth, std::int64_t first, std::int64_t size,
                       std::int64_t reach = 0) {
    isa::Address a;
    std::int64_t slack = size - 1 - reach, low = 0;
    for (int k = 0; k < isa::kLoops; ++k) {
      const auto n = static_cast<std::size_t>(k);
      const std::int64_t steps = counts[n] - 1;
      if (k >= depth || steps == 0) continue;
      const std::int64_t stride =
          d_.chance(70) ? std::min<std::int64_t>(1, slack / steps) : d_.between(0, slack / steps);
      const bool down = d_.chance(20);
      a.stride[n] = static_cast<std::int32_t>(down ? -stride : stride);
      slack -= stride * steps;
      if (down) low += stride * steps;
    }
    a.base = static_cast<std::uint32_t>(first + low + d_.between(0, slack));
    return a;
  }
  isa::Address read_rows(const Loops& l, isa::Format f, std::int64_t reach = 0) {
    return address(l, isa::kLoops, 0, half_ * rows_per_line(f), reach);
  }
  isa::Address write_rows(const Loops& l, int depth, isa::Format f, std::int64_t reach = 0) {
    return address(l, depth, half_ * rows_per_line(f), half_ * rows_per_line(f), reach);
  }

  isa::Mask mask() {
    const std::int64_t first = d_.chance(50) ? 0 : d_.between(0, s_.lanes - 1);
    return {static_cast<std::uint8_t>(first),
            static_cast<std::uint8_t>(d_.chance(50) ? s_.lanes - first : d_.between(1, s_.lanes - first))};
  }
  isa::Index index() {
    isa::Index x;
    x.base = d_.bits();
    for (std::int32_t& stride : x.stride) stride = static_cast<std::int32_t>(d_.bits());
    x.row_stride = static_cast<std::int32_t>(d_.bits());
    x.lane_stride = static_cast<std::int32_t>(d_.bits());
    return x;
  }

  // From HBM, to HBM, or from the half that is written back to the one that is read.
  isa::Copy copy() {
    isa::Copy c;
    c.element = d_.chance(60) ? isa::Format::kFp32 : format();
    loops(c.loops, 0, isa::kLoops, d_.chance(30) ? 60 : 12);
    const std::int64_t hbm_rows = s_.hbm_lines * rows_per_line(c.element);
    switch (d_.between(0, 2)) {
      case 0:
        c.src_space = isa::Space::kHbm;
        c.src = address(c.loops, isa::kLoops, 0, hbm_rows);
        c.dst = read_rows(c.loops, c.element);
        break;
      case 1:
        c.dst_space = isa::Space::kHbm;
        c.src = write_rows(c.loops, isa::kLoops, c.element);
        c.dst = address(c.loops, isa::kLoops, 0, hbm_rows);
        break;
      default:
        c.src = write_rows(c.loops, isa::kLoops, c.element);
        c.dst = read_rows(c.loops, c.element);
    }
    return c;
  }
  isa::Put put() {
    isa::Put p;
    p.element = format();
    loops(p.loops, 0, isa::kLoops, 12);
    p.src = read_rows(p.loops, p.element);
    // Lines that only puts write: they count as those of another core, so nothing else is ordered after them.
    p.dst = address(p.loops, isa::kLoops, (s_.scratchpad_lines - kPutLines) * rows_per_line(p.element),
                    kPutLines * rows_per_line(p.element));
    return p;
  }
  isa::Transpose transpose() {
    isa::Transpose t;
    t.element = format();
    t.src_rows = d_.small(1, s_.lanes);
    t.src_lanes = d_.small(1, s_.lanes);
    t.dst_rows = d_.small(1, s_.lanes);
    loops(t.loops, 0, isa::kLoops, 8);
    t.src = read_rows(t.loops, t.element, t.src_rows - 1);
    t.dst = write_rows(t.loops, isa::kLoops, t.element, t.dst_rows - 1);
    return t;
  }
  isa::Operand operand(const Loops& l) {
    isa::Operand o;
    o.kind = static_cast<isa::OperandKind>(d_.between(1, 3));
    o.format = format();
    o.slot = slot();
    if (o.kind == isa::OperandKind::kScalar) {
      o.at.base = static_cast<std::uint32_t>(d_.between(0, isa::kScalars - 1));
    } else {
      const std::int64_t in_row = o.kind == isa::OperandKind::kRows ? 1 : s_.lanes;
      o.at = address(l, isa::kLoops, 0, half_ * rows_per_line(o.format) * in_row);
    }
    return o;
  }
  isa::Vector vector() {
    isa::Vector v;
    v.op = static_cast<isa::VectorOp>(d_.between(0, static_cast<int>(isa::VectorOp::kRandom)));
    v.reduction = static_cast<isa::Reduction>(d_.between(0, static_cast<int>(isa::Reduction::kArgmax)));
    v.reduce = v.reduction == isa::Reduction::kNone ? std::uint8_t{0} : d_.small(0, 4);
    v.relu = d_.small(0, 1);
    v.analyse = d_.small(0, 1);
    v.out_format = format();
    v.slot_o = slot();
    v.mask = mask();
    loops(v.loops, 0, isa::kLoops, d_.chance(20) ? 100 : 20);
    v.a = operand(v.loops);
    v.b = operand(v.loops);
    v.c = operand(v.loops);
    v.o = write_rows(v.loops, isa::kLoops - v.reduce, v.out_format);
    v.x = index();
    return v;
  }
  isa::Tensor tensor() {
    isa::Tensor t;
    t.format = format();
    t.out_format = format();
    t.reduce = d_.small(0, 4);
    const int outer = isa::kLoops - t.reduce;
    loops(t.loops, 0, outer, 8);
    loops(t.loops, outer, isa::kLoops, d_.chance(20) ? 60 : 12);
    t.init = d_.chance(50) ? isa::Init::kBias : isa::Init::kZero;  // a spill would have to be a legal one
    t.spill = d_.chance(15) ? 1 : 0;
    t.relu = d_.small(0, 1);
    t.analyse = d_.small(0, 1);
    t.slot_a = slot();
    t.slot_b = slot();
    t.slot_o = slot();
    t.row_first = d_.chance(60) ? std::uint8_t{0} : d_.small(0, s_.lanes - 1);
    t.row_count = d_.small(1, s_.lanes - t.row_first);
    t.mask = mask();
    t.a = address(t.loops, isa::kLoops, 0, half_);
    t.b = address(t.loops, isa::kLoops, 0, half_);
    t.c = address(t.loops, outer, 0, half_);
    const std::int64_t lines = t.format == isa::Format::kFp32 ? 1 : 2;
    const std::int64_t end = t.row_first + t.row_count;
    t.o = t.spill != 0 ? address(t.loops, outer, half_, half_, lines * end - 1)
                       : write_rows(t.loops, outer, t.out_format, end - 1);
    t.x = index();
    return t;
  }

  Draw d_;
  RandomProgramShape s_;
  std::int64_t half_;
};

std::uint32_t word(Draw& d, bool awkward) {
  static constexpr std::uint32_t kCorners[] = {0,          0x80000000, 0x7f800000, 0xff800000,
                                               0x7fc00001, 0x00000001, 0x807fffff, 0x3f800000,
                                               0x7f7f7f7f, 0x80808080, 0x7fff8000, 0xffffffff};
  if (awkward && d.chance(30)) return kCorners[d.between(0, 11)];
  if (awkward) return d.bits();
  const auto value = static_cast<float>(d.between(-1000, 1000)) / 64.0F;
  std::uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}

}  // namespace

isa::Program random_program(std::uint64_t seed, const RandomProgramShape& shape) {
  Maker maker(seed, shape);
  isa::Program program;
  for (int k = 0; k < shape.instructions; ++k) program.push_back(maker.instruction());
  program.push_back(isa::End{});
  compiler::add_semaphores(program, compiler::dependencies(program, shape.lanes));
  return program;
}

void randomise(models::Core& core, std::uint64_t seed, const RandomProgramShape& shape) {
  Draw d(seed ^ 0x9e3779b97f4a7c15U);
  const bool awkward = d.chance(50);
  for (const isa::Space space : {isa::Space::kScratchpad, isa::Space::kHbm}) {
    const std::int64_t lines = space == isa::Space::kHbm ? shape.hbm_lines : shape.scratchpad_lines;
    for (std::int64_t k = 0; k < lines * shape.lanes; ++k) {
      const std::uint32_t w = word(d, awkward);
      std::memcpy(core.bytes(space) + 4 * k, &w, sizeof w);
    }
  }
  for (int number = 0; number < shape.slots; ++number) {
    models::SlotSettings& slot = core.settings.slot(number);
    slot.width = d.small(isa::kWidthMin, 8);  // fits every element format
    slot.q_read = static_cast<std::int8_t>(d.between(-8, 24));
    slot.q_write = static_cast<std::int8_t>(d.between(-8, 24));
    slot.rounding = static_cast<isa::Rounding>(d.between(0, 2));
    slot.policy = static_cast<isa::Policy>(d.between(0, 5));
    slot.interval = static_cast<std::uint16_t>(d.between(1, 2));
    slot.warmup = static_cast<std::uint16_t>(d.between(0, 2));
    slot.guard = d.small(0, 2);
    slot.hysteresis = d.small(0, 1);
    slot.decay = d.small(0, 255);
    slot.r_max = d.bits() >> d.between(0, 31);
    slot.window = d.small(1, isa::kHistoryLength);
  }
  for (int n = 0; n < isa::kScalars; ++n) core.settings.set_scalar(n, word(d, awkward));
  core.settings.set_seed(d.bits());
  core.settings.set_step(d.bits());
}

}  // namespace anzan::sim
