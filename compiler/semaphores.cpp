// Waits and signals between units: see semaphores.hpp.
#include "compiler/semaphores.hpp"

#include <algorithm>
#include <array>

#include "compiler/layout.hpp"

namespace anzan::compiler {
namespace {

using Loops = std::array<std::uint16_t, isa::kLoops>;

class AccessList {
 public:
  explicit AccessList(const Loops& loops) : loops_(loops) {}

  // Addresses from the affine walk, each of `extent` units, `per_line` units a line.
  void add(const isa::Address& a, std::int64_t extent, std::int64_t per_line, bool write) {
    std::int64_t lo = a.base, hi = a.base;
    for (std::size_t k = 0; k < loops_.size(); ++k) {
      const std::int64_t reach = (std::int64_t{loops_[k]} - 1) * a.stride[k];
      (reach < 0 ? lo : hi) += reach;
    }
    list.push_back({Access::Resource::kScratchpad, lo / per_line, (hi + extent - 1) / per_line + 1, write});
  }
  void slot(std::int64_t number, bool write = false) {
    list.push_back({Access::Resource::kSlot, number, number + 1, write});
  }

  std::vector<Access> list;

 private:
  const Loops& loops_;
};

std::int64_t packed(isa::Format f) { return rows_per_line(f); }

std::vector<Access> of(const isa::Tensor& t, std::int64_t lanes) {
  AccessList l(t.loops);
  l.add(t.a, 1, 1, false);
  l.add(t.b, 1, 1, false);
  const std::int64_t spill = lanes * (t.format == isa::Format::kFp32 ? 1 : 2);
  if (t.init != isa::Init::kZero) l.add(t.c, t.init == isa::Init::kBias ? 1 : spill, 1, false);
  if (t.spill != 0) {
    l.add(t.o, spill, 1, true);
  } else {
    l.add(t.o, t.row_first + t.row_count, packed(t.out_format), true);
    l.slot(t.slot_o);
  }
  l.slot(t.slot_a);
  l.slot(t.slot_b);
  return l.list;
}

std::vector<Access> of(const isa::Vector& v, std::int64_t lanes) {
  AccessList l(v.loops);
  for (const isa::Operand* o : {&v.a, &v.b, &v.c}) {
    if (o->kind == isa::OperandKind::kRows) l.add(o->at, 1, packed(o->format), false);
    if (o->kind == isa::OperandKind::kBroadcast) l.add(o->at, 1, packed(o->format) * lanes, false);
    if (o->kind == isa::OperandKind::kRows || o->kind == isa::OperandKind::kBroadcast) l.slot(o->slot);
  }
  l.add(v.o, 1, packed(v.out_format), true);
  l.slot(v.slot_o);
  return l.list;
}

std::vector<Access> of(const isa::Copy& c, std::int64_t) {
  AccessList l(c.loops);
  if (c.src_space == isa::Space::kScratchpad) l.add(c.src, 1, packed(c.element), false);
  if (c.dst_space == isa::Space::kScratchpad) l.add(c.dst, 1, packed(c.element), true);
  return l.list;
}

std::vector<Access> of(const isa::Transpose& t, std::int64_t) {
  AccessList l(t.loops);
  l.add(t.src, t.src_rows, packed(t.element), false);
  l.add(t.dst, t.dst_rows, packed(t.element), true);
  return l.list;
}

std::vector<Access> of(const isa::Put& p, std::int64_t) {
  AccessList l(p.loops);
  l.add(p.src, 1, packed(p.element), false);
  return l.list;
}

std::vector<Access> of(const isa::Update& u, std::int64_t) {
  return {{Access::Resource::kSlot, u.slot, u.slot + 1, true}};
}
std::vector<Access> of(const isa::Settle& s, std::int64_t) {
  return {{Access::Resource::kSlot, s.slot, s.slot + 1, true}};
}
std::vector<Access> of(const isa::End&, std::int64_t) { return {}; }

// The units that work; the sequencer only waits for all of them at the end.
constexpr std::size_t kUnits = 5;
std::size_t unit_index(const isa::Instruction& instruction) {
  return static_cast<std::size_t>(isa::unit(instruction)) - static_cast<std::size_t>(isa::Unit::kDma);
}

// Last instruction of each unit that wrote or read one line or slot (-1: none).
struct Last {
  std::array<std::int32_t, kUnits> write, read;
  Last() {
    write.fill(-1);
    read.fill(-1);
  }
};

std::uint32_t& wait_of(isa::Instruction& i) {
  return *std::visit([](auto& x) { return &x.wait; }, i);
}
std::uint32_t& signal_of(isa::Instruction& i) {
  return *std::visit([](auto& x) { return &x.signal; }, i);
}

}  // namespace

std::vector<Access> accesses(const isa::Instruction& instruction, std::int64_t lanes) {
  return std::visit([&](const auto& i) { return of(i, lanes); }, instruction);
}

void add_semaphores(isa::Program& program, std::int64_t lanes, std::int64_t scratchpad_lines) {
  static_assert(kUnits * kUnits <= static_cast<std::size_t>(isa::kSemaphores),
                "one semaphore a pair of units");
  std::vector<Last> lines(static_cast<std::size_t>(scratchpad_lines)),
      slots(static_cast<std::size_t>(isa::kSlots));
  // newest instruction of unit u that unit v has already waited for: [v][u]
  std::array<std::array<std::int32_t, kUnits>, kUnits> synced{};
  for (auto& s : synced) s.fill(-1);
  for (std::size_t number = 0; number < program.size(); ++number) {
    isa::Instruction& instruction = program[number];
    if (isa::unit(instruction) == isa::Unit::kSequencer) continue;
    const std::size_t unit = unit_index(instruction);
    std::array<std::int32_t, kUnits> needs;
    needs.fill(-1);
    for (const Access& a : accesses(instruction, lanes)) {
      std::vector<Last>& table = a.resource == Access::Resource::kSlot ? slots : lines;
      for (std::int64_t k = a.begin; k < a.end; ++k) {
        Last& last = table.at(static_cast<std::size_t>(k));
        for (std::size_t u = 0; u < kUnits; ++u) {
          needs[u] = std::max(needs[u], last.write[u]);
          if (a.write) needs[u] = std::max(needs[u], last.read[u]);
        }
        (a.write ? last.write : last.read)[unit] = static_cast<std::int32_t>(number);
      }
    }
    for (std::size_t u = 0; u < kUnits; ++u) {
      if (u == unit || needs[u] <= synced[unit][u]) continue;
      synced[unit][u] = needs[u];
      const std::uint32_t semaphore = std::uint32_t{1} << (u * kUnits + unit);
      signal_of(program[static_cast<std::size_t>(needs[u])]) |= semaphore;
      wait_of(instruction) |= semaphore;
    }
  }
}

}  // namespace anzan::compiler
