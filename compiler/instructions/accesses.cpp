// Walks in as few stretches of lines as they really have.
#include "compiler/instructions/accesses.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "compiler/instructions/runs.hpp"
#include "models/counter_moves.hpp"
#include "models/number_format.hpp"

namespace anzan::compiler {
namespace {

using Resource = Access::Resource;

std::int64_t packed(isa::Format f) { return models::elements_per_word(f); }

Resource memory(isa::Space space) {
  return space == isa::Space::kHbm ? Resource::kHbm : Resource::kScratchpad;
}

class AccessList {
 public:
  explicit AccessList(const LoopCounts& loops, int outer = isa::kLoops) : loops_(loops), outer_(outer) {
    list.reserve(8);  // seldom more
  }

  // What each iteration touches: `extent` units from the address plus `offset` on, `per_line` units a line.
  struct Units {
    std::int64_t extent = 1, per_line = 1, offset = 0;
  };

  // Addresses from the walk of the loops [0, depth).
  void add(Resource resource, const isa::Address& a, int depth, const Units& units, bool write) {
    Runs runs(a, loops_, depth, units.extent);
    runs.join(units.per_line - 1, kMostPieces);
    runs.each([&](std::int64_t at) {
      at += units.offset;
      list.push_back({resource, at / units.per_line, (at + runs.run() - 1) / units.per_line + 1, write});
    });
  }
  void read(const isa::Address& a, const Units& units) {
    add(Resource::kScratchpad, a, isa::kLoops, units, false);
  }
  void read_outer(const isa::Address& a, const Units& units) {
    add(Resource::kScratchpad, a, outer_, units, false);
  }
  void write_outer(const isa::Address& a, const Units& units) {
    add(Resource::kScratchpad, a, outer_, units, true);
  }
  void slot(Resource resource, std::int64_t number, bool write = false) {
    list.push_back({resource, number, number + 1, write});
  }

  std::vector<Access> list;

 private:
  // Walks of more pieces than this count as fewer, longer ones.
  static constexpr std::int64_t kMostPieces = 1024;

  const LoopCounts& loops_;
  int outer_;
};

std::vector<Access> of(const isa::Tensor& t, std::int64_t) {
  AccessList l(t.loops, isa::kLoops - t.reduce);
  l.read(t.a, {});
  l.read(t.b, {});
  const std::int64_t words = models::accumulator_lines(t.format, 1);
  if (t.init == isa::Init::kBias) l.read_outer(t.c, {});
  if (t.init == isa::Init::kSpill) l.read_outer(t.c, {t.row_count * words, 1, t.row_first * words});
  if (t.spill != 0) {
    l.write_outer(t.o, {t.row_count * words, 1, t.row_first * words});
  } else {
    l.write_outer(t.o, {t.row_count, packed(t.out_format), t.row_first});
    l.slot(Resource::kSlotForWriting, t.slot_o);
  }
  l.slot(Resource::kSlotForReading, t.slot_a);
  l.slot(Resource::kSlotForReading, t.slot_b);
  return l.list;
}

std::vector<Access> of(const isa::Vector& v, std::int64_t lanes) {
  AccessList l(v.loops, isa::kLoops - v.reduce);
  for (const isa::Operand* o : {&v.a, &v.b, &v.c}) {
    const bool rows = o->kind == isa::OperandKind::kRows;
    if (!rows && o->kind != isa::OperandKind::kBroadcast) continue;
    l.read(o->at, {1, packed(o->format) * (rows ? 1 : lanes)});
    l.slot(Resource::kSlotForReading, o->slot);
  }
  l.write_outer(v.o, {1, packed(v.out_format)});
  l.slot(Resource::kSlotForWriting, v.slot_o);
  return l.list;
}

std::vector<Access> of(const isa::Copy& c, std::int64_t) {
  AccessList l(c.loops);
  l.add(memory(c.src_space), c.src, isa::kLoops, {1, packed(c.element)}, false);
  l.add(memory(c.dst_space), c.dst, isa::kLoops, {1, packed(c.element)}, true);
  return l.list;
}

std::vector<Access> of(const isa::Transpose& t, std::int64_t) {
  AccessList l(t.loops);
  l.read(t.src, {t.src_rows, packed(t.element)});
  l.write_outer(t.dst, {t.dst_rows, packed(t.element)});
  return l.list;
}

// What it writes lies in another core.
std::vector<Access> of(const isa::Put& p, std::int64_t) {
  AccessList l(p.loops);
  l.read(p.src, {1, packed(p.element)});
  return l.list;
}

std::vector<Access> of(const isa::Update& u, std::int64_t) {
  return {{Resource::kSlotForWriting, u.slot, u.slot + 1, true}};
}
std::vector<Access> of(const isa::Settle& s, std::int64_t) {
  return {{Resource::kSlotForWriting, s.slot, s.slot + 1, false},
          {Resource::kSlotForReading, s.slot, s.slot + 1, true}};
}
// No count may fall between what is taken out of the database and what is given back.
std::vector<Access> of(const isa::Take& t, std::int64_t lanes) {
  return {touching(t.dst, models::counter_lines(lanes), true),
          {Resource::kSlotForWriting, t.slot, t.slot + 1, true}};
}
std::vector<Access> of(const isa::Give& g, std::int64_t lanes) {
  return {touching(g.src, models::counter_lines(lanes), false),
          {Resource::kSlotForWriting, g.slot, g.slot + 1, true}};
}
std::vector<Access> of(const isa::End&, std::int64_t) { return {}; }

}  // namespace

std::vector<Access> accesses(const isa::Instruction& instruction, std::int64_t lanes) {
  return std::visit([&](const auto& i) { return of(i, lanes); }, instruction);
}

}  // namespace anzan::compiler
