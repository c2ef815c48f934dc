// Random programs and their exact footprints: see random_program.hpp.
#include "tests/compiler/random_dependencies.hpp"

#include <functional>
#include <random>

namespace anzan::testing {
namespace {

using Loops = std::array<std::uint16_t, isa::kLoops>;
using Strides = std::array<std::int32_t, isa::kLoops>;
using Index = std::array<std::int64_t, isa::kLoops>;

class Maker {
 public:
  explicit Maker(std::uint32_t seed) : random_(seed) {}

  isa::Instruction instruction() {
    switch (between(0, 9)) {
      case 0:
        return isa::Update{0, 0, slot()};
      case 1:
        return isa::Settle{0, 0, slot()};
      case 2:
        if (between(0, 1) == 0) return transpose();
        if (between(0, 1) == 0) return isa::Take{0, 0, slot(), static_cast<std::uint32_t>(between(0, 60))};
        return isa::Give{0, 0, slot(), static_cast<std::uint32_t>(between(0, 60))};
      case 3:
        return put();
      case 4:
      case 5:
        return copy();
      case 6:
      case 7:
        return vector();
      default:
        return tensor();
    }
  }
  std::int64_t between(std::int64_t low, std::int64_t high) {
    return low + static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(high - low + 1));
  }

 private:
  std::uint16_t slot() { return static_cast<std::uint16_t>(between(1, 4)); }
  isa::Format format() { return static_cast<isa::Format>(between(0, isa::kFormatInfo.size - 1)); }
  isa::Space space() { return static_cast<isa::Space>(between(0, 1)); }
  std::uint8_t small(std::int64_t low, std::int64_t high) {
    return static_cast<std::uint8_t>(between(low, high));
  }
  Loops loops() {
    Loops l;
    l.fill(1);
    for (int n = 0; n < 3; ++n)
      l[static_cast<std::size_t>(between(0, isa::kLoops - 1))] = static_cast<std::uint16_t>(between(1, 4));
    return l;
  }
  isa::Address address(const Loops& l) {
    isa::Address a;
    std::int64_t base = between(0, 60);
    for (std::size_t k = 0; k < l.size(); ++k) {
      a.stride[k] = static_cast<std::int32_t>(between(-6, 12));
      if (a.stride[k] < 0) base -= std::int64_t{a.stride[k]} * (l[k] - 1);
    }
    a.base = static_cast<std::uint32_t>(base);
    return a;
  }
  isa::Copy copy() {
    isa::Copy c;
    c.element = format();
    c.src_space = space();
    c.dst_space = space();
    c.loops = loops();
    c.src = address(c.loops);
    c.dst = address(c.loops);
    return c;
  }
  isa::Put put() {
    isa::Put p;
    p.element = format();
    p.loops = loops();
    p.src = address(p.loops);
    p.dst = address(p.loops);
    return p;
  }
  isa::Transpose transpose() {
    isa::Transpose t;
    t.element = format();
    t.src_rows = small(1, kProgramLanes);
    t.src_lanes = small(1, kProgramLanes);
    t.dst_rows = small(1, kProgramLanes);
    t.loops = loops();
    t.src = address(t.loops);
    t.dst = address(t.loops);
    return t;
  }
  isa::Operand operand(const Loops& l) {
    isa::Operand o;
    o.kind = static_cast<isa::OperandKind>(between(0, 3));
    o.format = format();
    o.slot = slot();
    o.at = address(l);
    return o;
  }
  isa::Vector vector() {
    isa::Vector v;
    v.reduce = small(0, 3);
    v.loops = loops();
    v.out_format = format();
    v.slot_o = slot();
    v.analyse = small(0, 1);
    v.a = operand(v.loops);
    v.b = operand(v.loops);
    v.c = operand(v.loops);
    v.o = address(v.loops);
    return v;
  }
  isa::Tensor tensor() {
    isa::Tensor t;
    t.format = format();
    t.out_format = format();
    t.reduce = small(0, 5);
    t.init = static_cast<isa::Init>(between(0, 2));
    t.spill = small(0, 1);
    t.row_first = small(0, 1);
    t.row_count = small(1, kProgramLanes - 1);
    t.slot_a = slot();
    t.slot_b = slot();
    t.slot_o = slot();
    t.loops = loops();
    t.a = address(t.loops);
    t.b = address(t.loops);
    t.c = address(t.loops);
    t.o = address(t.loops);
    return t;
  }

  std::mt19937_64 random_;
};

void walk(const Loops& loops, std::size_t first, std::size_t end, Index& index,
          const std::function<void()>& visit) {
  if (first == end) return visit();
  for (index[first] = 0; index[first] < loops[first]; ++index[first])
    walk(loops, first + 1, end, index, visit);
  index[first] = 0;
}

template <class Walk>
std::int64_t place(const Walk& w, const Index& index) {
  std::int64_t at = w.base;
  for (std::size_t k = 0; k < index.size(); ++k) at += index[k] * w.stride[k];
  return at;
}

std::int64_t rows_in_line(isa::Format f) {
  return f == isa::Format::kInt8 ? 4 : f == isa::Format::kInt16 ? 2 : 1;
}

struct Toucher {
  Touched t;
  Index index{};

  void rows(bool write, int memory, std::int64_t first, std::int64_t count, std::int64_t per_line) {
    for (std::int64_t row = first; row < first + count; ++row)
      (write ? t.written : t.read).insert({memory, row / per_line});
  }
  void read_slot(std::int64_t s) { t.read.insert({2, s}); }
  void write_slot(std::int64_t s) { t.read.insert({3, s}); }

  void operator()(const isa::End&) {}
  void operator()(const isa::Update& u) { t.written.insert({3, u.slot}); }
  void operator()(const isa::Settle& s) {
    t.read.insert({3, s.slot});
    t.written.insert({2, s.slot});
  }
  void operator()(const isa::Take& i) {
    rows(true, 0, i.dst, 72 / kProgramLanes, 1);
    t.written.insert({3, i.slot});
  }
  void operator()(const isa::Give& i) {
    rows(false, 0, i.src, 72 / kProgramLanes, 1);
    t.written.insert({3, i.slot});
  }
  void operator()(const isa::Copy& c) {
    walk(c.loops, 0, isa::kLoops, index, [&] {
      rows(false, static_cast<int>(c.src_space), place(c.src, index), 1, rows_in_line(c.element));
      rows(true, static_cast<int>(c.dst_space), place(c.dst, index), 1, rows_in_line(c.element));
    });
  }
  void operator()(const isa::Put& p) {
    walk(p.loops, 0, isa::kLoops, index,
         [&] { rows(false, 0, place(p.src, index), 1, rows_in_line(p.element)); });
  }
  void operator()(const isa::Transpose& x) {
    walk(x.loops, 0, isa::kLoops, index, [&] {
      rows(false, 0, place(x.src, index), x.src_rows, rows_in_line(x.element));
      rows(true, 0, place(x.dst, index), x.dst_rows, rows_in_line(x.element));
    });
  }
  void operator()(const isa::Vector& v) {
    write_slot(v.slot_o);
    for (const isa::Operand* o : {&v.a, &v.b, &v.c}) {
      if (o->kind == isa::OperandKind::kNone || o->kind == isa::OperandKind::kScalar) continue;
      read_slot(o->slot);
      const std::int64_t in_row = o->kind == isa::OperandKind::kRows ? 1 : kProgramLanes;
      walk(v.loops, 0, isa::kLoops, index,
           [&] { rows(false, 0, place(o->at, index) / in_row, 1, rows_in_line(o->format)); });
    }
    walk(v.loops, 0, isa::kLoops - v.reduce, index,
         [&] { rows(true, 0, place(v.o, index), 1, rows_in_line(v.out_format)); });
  }
  void operator()(const isa::Tensor& x) {
    read_slot(x.slot_a);
    read_slot(x.slot_b);
    if (x.spill == 0) write_slot(x.slot_o);
    walk(x.loops, 0, isa::kLoops, index, [&] {
      rows(false, 0, place(x.a, index), 1, 1);
      rows(false, 0, place(x.b, index), 1, 1);
    });
    const std::int64_t words = x.format == isa::Format::kFp32 ? 1 : 2;
    walk(x.loops, 0, isa::kLoops - x.reduce, index, [&] {
      const std::int64_t c = place(x.c, index), o = place(x.o, index);
      if (x.init == isa::Init::kBias) rows(false, 0, c, 1, 1);
      if (x.init == isa::Init::kSpill) rows(false, 0, c + words * x.row_first, words * x.row_count, 1);
      if (x.spill != 0)
        rows(true, 0, o + words * x.row_first, words * x.row_count, 1);
      else
        rows(true, 0, o + x.row_first, x.row_count, rows_in_line(x.out_format));
    });
  }
};

struct Lister {
  std::vector<std::vector<std::int64_t>> all;
  Index index{};

  template <class Other>
  void operator()(const Other&) {
    all.push_back({});
  }
  void operator()(const isa::Copy& c) { moves(c); }
  void operator()(const isa::Transpose& t) { moves(t); }
  void operator()(const isa::Vector& v) {
    arithmetic(v, [](const isa::Operand& o, const Index& i) {
      const bool walks = o.kind == isa::OperandKind::kRows || o.kind == isa::OperandKind::kBroadcast;
      return walks ? place(o.at, i) : 0;
    });
  }
  void operator()(const isa::Tensor& t) {
    arithmetic(t, [](const isa::Address& a, const Index& i) { return place(a, i); });
  }

 private:
  template <class Move>
  void moves(const Move& m) {
    walk(m.loops, 0, isa::kLoops, index, [&] { all.push_back({place(m.src, index), place(m.dst, index)}); });
  }
  template <class Arithmetic, class At>
  void arithmetic(const Arithmetic& i, const At& at) {
    const auto outer = static_cast<std::size_t>(isa::kLoops - i.reduce);
    walk(i.loops, 0, outer, index, [&] {
      // the random index counts modulo 2^32
      std::vector<std::int64_t> one{place(i.o, index), static_cast<std::uint32_t>(place(i.x, index))};
      walk(i.loops, outer, isa::kLoops, index, [&] {
        for (const auto* operand : {&i.a, &i.b, &i.c}) one.push_back(at(*operand, index));
      });
      all.push_back(one);
    });
  }
};

}  // namespace

isa::Program random_program(std::uint32_t seed) {
  Maker make(seed);
  isa::Program program;
  const std::int64_t length = make.between(10, 30);
  while (static_cast<std::int64_t>(program.size()) < length) program.push_back(make.instruction());
  program.push_back(isa::End{});
  return program;
}

Touched touched(const isa::Instruction& instruction) {
  Toucher toucher;
  std::visit(toucher, instruction);
  return toucher.t;
}

std::vector<std::vector<std::int64_t>> iterations(const isa::Instruction& instruction) {
  Lister lister;
  std::visit(lister, instruction);
  return lister.all;
}

}  // namespace anzan::testing
