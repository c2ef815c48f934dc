// Walks in as few stretches of lines as they really have.
#include "compiler/instructions/accesses.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "compiler/instructions/ranges.hpp"
#include "models/counter_moves.hpp"
#include "models/number_format.hpp"

namespace anzan::compiler {
namespace {

using Loops = std::array<std::uint16_t, isa::kLoops>;
using Resource = Access::Resource;

std::int64_t packed(isa::Format f) { return models::elements_per_word(f); }

Resource memory(isa::Space space) {
  return space == isa::Space::kHbm ? Resource::kHbm : Resource::kScratchpad;
}

// A walk in pieces without gaps of a line: `run` units from each of the places that the levels visit.
struct Pieces {
  struct Level {
    std::int64_t stride, count;  // more than 0, more than 1
  };
  std::int64_t base = 0, run = 1;
  std::array<Level, isa::kLoops> levels;  // those from `first` to `end`, strides ascending
  std::size_t first = 0, end = 0;

  bool empty() const { return first == end; }
  const Level& innermost() const { return levels[first]; }
  std::int64_t count() const {
    std::int64_t n = 1;
    for (std::size_t l = first; l < end; ++l) n *= levels[l].count;
    return n;
  }
  void sort() {
    std::sort(levels.begin(), levels.begin() + static_cast<std::ptrdiff_t>(end),
              [](const Level& a, const Level& b) {
                return std::pair(a.stride, a.count) < std::pair(b.stride, b.count);
              });
  }
  // The innermost level becomes one run, gaps included.
  void fill_innermost() {
    run += innermost().stride * (innermost().count - 1);
    ++first;
  }
};

class AccessList {
 public:
  explicit AccessList(const Loops& loops, int outer = isa::kLoops) : loops_(loops), outer_(outer) {
    list.reserve(8);  // seldom more
  }

  // What each iteration touches: `extent` units from the address plus `offset` on, `per_line` units a line.
  struct Units {
    std::int64_t extent = 1, per_line = 1, offset = 0;
  };

  // Addresses from the walk of the loops [0, depth).
  void add(Resource resource, const isa::Address& a, int depth, const Units& units, bool write) {
    Pieces p = pieces_of(a, depth, units);
    p.base += units.offset;
    visit(p, p.end, p.base, [&](std::int64_t at) {
      list.push_back({resource, at / units.per_line, (at + p.run - 1) / units.per_line + 1, write});
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

  Pieces pieces_of(const isa::Address& a, int depth, const Units& units) const {
    Pieces p;
    p.base = a.base;
    p.run = units.extent;
    for (std::size_t k = 0; k < static_cast<std::size_t>(depth); ++k) {
      const std::int64_t stride = a.stride[k], count = loops_[k];
      if (count < 2 || stride == 0) continue;
      if (stride < 0) p.base += stride * (count - 1);
      p.levels[p.end++] = {stride < 0 ? -stride : stride, count};
    }
    p.sort();
    const auto closed = [&] { return !p.empty() && p.innermost().stride < p.run + units.per_line; };
    while (closed() || p.count() > kMostPieces) p.fill_innermost();
    return p;
  }

  template <class Visit>
  static void visit(const Pieces& p, std::size_t level, std::int64_t at, const Visit& one) {
    if (level == p.first) return one(at);
    const auto [stride, count] = p.levels[level - 1];
    for (std::int64_t i = 0; i < count; ++i) visit(p, level - 1, at + i * stride, one);
  }

  const Loops& loops_;
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
