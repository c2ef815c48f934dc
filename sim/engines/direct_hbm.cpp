// Follows a program backwards for where what is written will be stored, then in its order for what of the
// scratchpad is also in HBM. An instruction whose output is read in the scratchpad after all writes it there,
// and the program is followed again.
#include "sim/engines/direct_hbm.hpp"

#include <array>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <optional>
#include <utility>
#include <variant>

#include "compiler/instructions/accesses.hpp"
#include "compiler/instructions/runs.hpp"
#include "models/affine.hpp"
#include "models/dma.hpp"
#include "models/number_format.hpp"
#include "models/vector_unit.hpp"

namespace anzan::sim {
namespace {

using compiler::Access;
using compiler::LoopCounts;
using compiler::Runs;

constexpr std::int64_t kNowhere = -1;

// The walk of an operand or output through a memory, in units: rows, lines, or elements of a broadcast.
struct Walk {
  const isa::Address& address;
  const LoopCounts& loops;
  int depth;
  std::int64_t extent, per_line;

  Runs runs(std::int64_t gap) const {
    Runs all(address, loops, depth, extent);
    all.join(gap);
    return all;
  }
  // visit(line) for all that it touches, perhaps more than once.
  template <class Visit>
  void each_line(const Visit& visit) const {
    const Runs all = runs(per_line - 1);
    all.each([&](std::int64_t unit) {
      for (std::int64_t line = unit / per_line; line * per_line < unit + all.run(); ++line) visit(line);
    });
  }
  // visit(line, whole): whether the walk touches all of it in one run.
  template <class Visit>
  void each_part(const Visit& visit) const {
    const Runs all = runs(0);
    all.each([&](std::int64_t unit) {
      const std::int64_t end = unit + all.run();
      for (std::int64_t line = unit / per_line; line * per_line < end; ++line)
        visit(line, line * per_line >= unit && (line + 1) * per_line <= end);
    });
  }
};

std::int64_t packed(isa::Format f) { return models::elements_per_word(f); }

struct Span {
  std::int64_t begin, end;  // lines
};

Span span_of(const Walk& walk) {
  const models::AddressRange range =
      models::check_address("address", walk.address, walk.loops, walk.depth, INT64_MAX, {0, walk.extent - 1});
  return {range.first / walk.per_line, range.last / walk.per_line + 1};
}

// The walk through other lines: those that `home_of(line)` says of each. Nothing if one has none, or if no
// address reaches them so, or if more than `most_lines` lie between the first and the last.
template <class HomeOf>
class Moving {
 public:
  Moving(const Walk& walk, const HomeOf& home_of) : walk_(walk), home_of_(home_of) {}

  std::optional<isa::Address> moved(std::int64_t first_line, std::int64_t most_lines) {
    const auto first = home(walk_.address.base);
    if (!first) return {};
    isa::Address address;
    std::int64_t span = walk_.extent;
    for (std::size_t k = 0; k < static_cast<std::size_t>(walk_.depth); ++k) {
      const std::int64_t stride = walk_.address.stride[k];
      if (walk_.loops[k] < 2 || stride == 0) continue;
      const auto next = home(walk_.address.base + stride);
      if (!next) return {};
      const std::int64_t new_stride = *next - *first;
      if (new_stride != static_cast<std::int32_t>(new_stride)) return {};
      span += std::abs(new_stride) * (walk_.loops[k] - 1);
      address.stride[k] = static_cast<std::int32_t>(new_stride);
      level_[levels_++] = {walk_.loops[k], stride, new_stride};
    }
    if (walk_.extent > 1) level_[levels_++] = {walk_.extent, 1, 1};
    const std::int64_t base = *first + first_line * walk_.per_line;
    if (base > std::numeric_limits<std::uint32_t>::max() || span / walk_.per_line > most_lines) return {};
    if (!lies_so(0, walk_.address.base, *first)) return {};
    address.base = static_cast<std::uint32_t>(base);
    return address;
  }

 private:
  struct Level {
    std::int64_t count, stride, new_stride;
  };
  std::optional<std::int64_t> home(std::int64_t unit) const {
    const std::int64_t line = home_of_(unit / walk_.per_line);
    if (line == kNowhere) return {};
    return line * walk_.per_line + unit % walk_.per_line;
  }
  bool lies_so(std::size_t from, std::int64_t unit, std::int64_t there) const {
    if (from == levels_) return home(unit) == there;
    const auto [count, stride, new_stride] = level_[from];
    for (std::int64_t i = 0; i < count; ++i)
      if (!lies_so(from + 1, unit + i * stride, there + i * new_stride)) return false;
    return true;
  }

  const Walk& walk_;
  const HomeOf& home_of_;
  std::array<Level, isa::kLoops + 1> level_{};
  std::size_t levels_ = 0;
};

// What an instruction writes in the scratchpad as rows, and whether all lanes of them.
struct Output {
  Walk walk;
  bool all_lanes;
};

std::optional<Output> output_of(const isa::Instruction& instruction, int lanes) {
  if (const auto* v = std::get_if<isa::Vector>(&instruction))
    return Output{{v->o, v->loops, isa::kLoops - v->reduce, 1, packed(v->out_format)},
                  v->mask.lane_count == lanes};
  if (const auto* t = std::get_if<isa::Transpose>(&instruction))
    return Output{{t->dst, t->loops, isa::kLoops, t->dst_rows, packed(t->element)}, true};
  const auto* t = std::get_if<isa::Tensor>(&instruction);
  if (t != nullptr && t->spill == 0 && t->row_first == 0)
    return Output{{t->o, t->loops, isa::kLoops - t->reduce, t->row_count, packed(t->out_format)},
                  t->mask.lane_count == lanes};
  return {};
}

template <class Visit>
void each_copied_line(const models::kernels::CopyJob& job, int loop, Span at, const Visit& visit) {
  if (loop == job.nest.depth) return visit(at.begin, at.end);
  for (std::int64_t i = 0; i < job.nest.count[loop]; ++i)
    each_copied_line(job, loop + 1, {at.begin + i * job.src.stride[loop], at.end + i * job.dst.stride[loop]},
                     visit);
}
// visit(source line, destination line) of a copy of whole lines, in its order. False: it is none.
template <class Visit>
bool each_copied_line(const isa::Copy& copy, const models::MemorySizes& sizes, const Visit& visit) {
  const models::CopyPlan plan = models::plan(copy, sizes);
  if (plan.job.element != isa::Format::kFp32) return false;
  each_copied_line(plan.job, 0, {plan.job.src.base, plan.job.dst.base}, visit);
  return true;
}

// Of each instruction, where in HBM its output will be stored next, all of it, as an address: nothing if it
// will not. Found from the end of the program on.
std::vector<std::optional<isa::Address>> destinations(const isa::Program& program,
                                                      const models::MemorySizes& sizes) {
  std::vector<std::optional<isa::Address>> result(program.size());
  std::vector<std::int64_t> stored(static_cast<std::size_t>(sizes.scratchpad_lines), kNowhere);
  const auto stored_at = [&](std::int64_t line) -> std::int64_t& {
    return stored[static_cast<std::size_t>(line)];
  };
  for (std::size_t i = program.size(); i-- > 0;) {
    if (const auto* copy = std::get_if<isa::Copy>(&program[i]);
        copy != nullptr && copy->dst_space == isa::Space::kHbm)
      each_copied_line(*copy, sizes, [&](std::int64_t from, std::int64_t to) { stored_at(from) = to; });
    if (const auto output = output_of(program[i], sizes.lanes); output && output->all_lanes) {
      bool whole = true;
      output->walk.each_part([&](std::int64_t, bool all) { whole = whole && all; });
      if (whole) result[i] = Moving(output->walk, stored_at).moved(sizes.scratchpad_lines, INT64_MAX);
    }
    for (const Access& access : compiler::accesses(program[i], sizes.lanes))
      for (std::int64_t line = access.begin; line < access.end; ++line)
        if (access.write && access.resource == Access::Resource::kScratchpad) stored_at(line) = kNowhere;
  }
  return result;
}

// What a line of the scratchpad holds.
struct Line {
  static constexpr std::int32_t kNone = -1;
  std::int64_t home = kNowhere;  // the line of HBM that holds the same
  // The load, or the instruction with an output in HBM, without which the scratchpad does not hold it.
  std::int32_t by = kNone;
  bool early = false;  // its home holds it before the store that would have brought it there
};

// The lines of the scratchpad by where their homes are in HBM.
class Homes {
 public:
  Homes(std::int64_t scratchpad_lines, std::int64_t hbm_lines)
      : first_(static_cast<std::size_t>(hbm_lines / kLines + 1), kNone),
        links_(static_cast<std::size_t>(scratchpad_lines)) {}

  void add(std::int64_t line, std::int64_t home) {
    if (home == kNowhere) return;
    std::int32_t& first = first_of(home);
    link(line) = {kNone, first};
    if (first != kNone) link(first).before = static_cast<std::int32_t>(line);
    first = static_cast<std::int32_t>(line);
  }
  void remove(std::int64_t line, std::int64_t home) {
    if (home == kNowhere) return;
    const auto [before, after] = link(line);
    (before == kNone ? first_of(home) : link(before).after) = after;
    if (after != kNone) link(after).before = before;
  }
  // visit(line), which may remove it, for lines with homes in or near the span.
  template <class Visit>
  void each_near(const Span& homes, const Visit& visit) const {
    for (std::int64_t part = homes.begin / kLines; part <= (homes.end - 1) / kLines; ++part)
      for (std::int32_t line = first_[static_cast<std::size_t>(part)], after; line != kNone; line = after) {
        after = links_[static_cast<std::size_t>(line)].after;
        visit(line);
      }
  }

 private:
  static constexpr std::int64_t kLines = 32;  // of HBM, whose lines in the scratchpad are linked
  static constexpr std::int32_t kNone = -1;
  struct Link {
    std::int32_t before, after;
  };
  std::int32_t& first_of(std::int64_t home) { return first_[static_cast<std::size_t>(home / kLines)]; }
  Link& link(std::int64_t line) { return links_[static_cast<std::size_t>(line)]; }
  std::vector<std::int32_t> first_;
  std::vector<Link> links_;
};

class Follower {
 public:
  // `outputs`: of instructions that write HBM.
  Follower(isa::Program program, const models::MemorySizes& sizes,
           const std::vector<std::optional<isa::Address>>& outputs)
      : sizes_(sizes),
        outputs_(outputs),
        lines_(static_cast<std::size_t>(sizes.scratchpad_lines)),
        homes_(sizes.scratchpad_lines, sizes.hbm_lines),
        needed_(program.size(), false) {
    result_.program = std::move(program);
  }

  void follow() {
    std::vector<bool> may_drop;
    for (isa::Instruction& instruction : result_.program) {
      may_drop_ = false;
      std::visit(*this, instruction);
      may_drop.push_back(may_drop_);
      ++number_;
    }
    for (const Line& line : lines_) need(line);  // what remains in the scratchpad
    for (std::size_t i = 0; i < may_drop.size(); ++i) {
      const bool drops = may_drop[i] && !needed_[i];
      result_.dropped.push_back(drops);
      if (drops) result_.program[i] = isa::End{};
    }
  }
  // What an instruction brings, or would not write there, is read in the scratchpad.
  bool needed(std::size_t instruction) const { return needed_[instruction]; }
  DirectProgram& result() { return result_; }

  void operator()(isa::Tensor& t) {
    // steps of a sum lie so far apart at most (models/kernels/jobs.hpp)
    const std::int64_t most_lines = INT32_MAX / (4 * sizes_.lanes);
    read_or_move(t.a, {t.a, t.loops, isa::kLoops, 1, 1}, most_lines);
    read_or_move(t.b, {t.b, t.loops, isa::kLoops, 1, 1}, most_lines);
    const int outer = isa::kLoops - t.reduce;
    const std::int64_t words = models::accumulator_lines(t.format, 1);
    if (t.init == isa::Init::kBias) read({t.c, t.loops, outer, 1, 1});
    if (t.init == isa::Init::kSpill) read({t.c, t.loops, outer, words * (t.row_first + t.row_count), 1});
    isa::Address first = t.o;
    first.base += static_cast<std::uint32_t>(t.row_first * (t.spill != 0 ? words : 1));
    if (t.spill != 0)
      write({first, t.loops, outer, words * t.row_count, 1}, true);
    else
      write_or_move(t.o, {first, t.loops, outer, t.row_count, packed(t.out_format)},
                    t.mask.lane_count == sizes_.lanes);
  }
  void operator()(isa::Vector& v) {
    const models::OperandUse use = models::operands_of(v.op);
    const std::pair<isa::Operand*, bool> operands[] = {{&v.a, use.a}, {&v.b, use.b}, {&v.c, use.c}};
    for (const auto& [operand, used] : operands) {
      const bool rows = operand->kind == isa::OperandKind::kRows;
      if (!used || (!rows && operand->kind != isa::OperandKind::kBroadcast)) continue;
      const std::int64_t per_line = packed(operand->format) * (rows ? 1 : sizes_.lanes);
      read_or_move(operand->at, {operand->at, v.loops, isa::kLoops, 1, per_line});
    }
    write_or_move(v.o, {v.o, v.loops, isa::kLoops - v.reduce, 1, packed(v.out_format)},
                  v.mask.lane_count == sizes_.lanes);
  }
  void operator()(isa::Transpose& t) {
    read_or_move(t.src, {t.src, t.loops, isa::kLoops, t.src_rows, packed(t.element)});
    write_or_move(t.dst, {t.dst, t.loops, isa::kLoops, t.dst_rows, packed(t.element)}, true);
  }
  void operator()(isa::Copy& c) {
    const Walk src{c.src, c.loops, isa::kLoops, 1, packed(c.element)};
    const Walk dst{c.dst, c.loops, isa::kLoops, 1, packed(c.element)};
    if (c.src_space == isa::Space::kHbm) {
      load(c, src, dst);
    } else if (c.dst_space == isa::Space::kHbm) {
      store(c, src, dst);
    } else {
      read(src);
      write(dst, true);
    }
  }
  template <class Other>
  void operator()(const Other& other) {
    for (const Access& access : compiler::accesses(other, sizes_.lanes))
      for (std::int64_t line = access.begin; line < access.end; ++line) {
        if (access.resource != Access::Resource::kScratchpad) break;
        need(at(line));
        if (access.write) hold(line, {});
      }
  }

 private:
  Line& at(std::int64_t line) { return lines_[static_cast<std::size_t>(line)]; }

  void need(const Line& line) {
    if (line.by != Line::kNone) needed_[static_cast<std::size_t>(line.by)] = true;
  }
  void hold(std::int64_t number, const Line& now) {
    Line& line = at(number);
    homes_.remove(number, line.home);
    homes_.add(number, now.home);
    line = now;
  }

  // What is read in the scratchpad must be there.
  void read(const Walk& walk) {
    walk.each_line([&](std::int64_t line) { need(at(line)); });
  }
  // A line that is written in part still has what was there before.
  void write(const Walk& walk, bool whole_rows) {
    walk.each_part([&](std::int64_t line, bool whole) {
      if (!whole || !whole_rows) need(at(line));
      hold(line, {});
    });
  }
  // Lines of HBM get a new value: what of the old one stands in the scratchpad stands there alone. One that
  // came too early is then not in its place where it is stored.
  void written_in_hbm(const Span& lines) {
    each_at_home(lines, [&](std::int64_t number, const Line& line) {
      hold(number, {kNowhere, line.by, false});
    });
  }
  // A value that came too early may not be read as the old one.
  void read_in_hbm(const Span& lines) {
    each_at_home(lines, [&](std::int64_t, const Line& line) {
      if (line.early) need(line);
    });
  }
  template <class Visit>
  void each_at_home(const Span& lines, const Visit& visit) {
    homes_.each_near(lines, [&](std::int64_t number) {
      const Line line = at(number);
      if (line.home >= lines.begin && line.home < lines.end) visit(number, line);
    });
  }
  template <class Visit>
  static void each_span(const Walk& walk, const Visit& visit) {
    const Runs runs = walk.runs(walk.per_line - 1);
    runs.each([&](std::int64_t unit) {
      visit(Span{unit / walk.per_line, (unit + runs.run() - 1) / walk.per_line + 1});
    });
  }

  void load(const isa::Copy& copy, const Walk& src, const Walk& dst) {
    each_span(src, [&](const Span& lines) { read_in_hbm(lines); });
    may_drop_ = each_copied_line(copy, sizes_, [&](std::int64_t from, std::int64_t to) {
      hold(to, {from, number_, false});
    });
    if (!may_drop_) write(dst, true);
  }
  // Where all is in its place already, nothing is left to do.
  void store(const isa::Copy& copy, const Walk& src, const Walk& dst) {
    bool in_place = true;
    const bool whole = each_copied_line(copy, sizes_, [&](std::int64_t from, std::int64_t to) {
      in_place = in_place && at(from).home == to;
    });
    if (whole && in_place) {
      may_drop_ = true;
      each_copied_line(copy, sizes_, [&](std::int64_t from, std::int64_t) { at(from).early = false; });
      return;
    }
    read(src);
    each_span(dst, [&](const Span& lines) { written_in_hbm(lines); });
  }

  // The operand reads in HBM, if all that it reads is there and lies so that an address reaches it.
  void read_or_move(isa::Address& address, const Walk& walk, std::int64_t most_lines = INT64_MAX) {
    const auto home_of = [&](std::int64_t line) { return at(line).home; };
    const auto moved = Moving(walk, home_of).moved(sizes_.scratchpad_lines, most_lines);
    if (!moved) return read(walk);
    address = *moved;
    reads_.push_back(span_of({*moved, walk.loops, walk.depth, walk.extent, walk.per_line}));
  }
  // The output, which `address` alone says, goes to HBM, if it can without touching what its instruction
  // reads.
  void write_or_move(isa::Address& address, const Walk& walk, bool whole_rows) {
    const auto& output = outputs_[static_cast<std::size_t>(number_)];
    if (!output) {
      reads_.clear();
      return write(walk, whole_rows);
    }
    const Walk there{*output, walk.loops, walk.depth, walk.extent, walk.per_line};
    const Span span = span_of(there);
    for (const Span& read : reads_)
      if (read.begin < span.end && span.begin < read.end) needed_[static_cast<std::size_t>(number_)] = true;
    reads_.clear();
    const std::int64_t first = sizes_.scratchpad_lines;
    each_span(there, [&](const Span& lines) { written_in_hbm({lines.begin - first, lines.end - first}); });
    hold_moved(walk, there, 0, walk.address.base, there.address.base);
    address = *output;
  }
  void hold_moved(const Walk& walk, const Walk& there, std::size_t loop, std::int64_t unit,
                  std::int64_t unit_there) {
    if (loop == static_cast<std::size_t>(walk.depth)) {
      for (std::int64_t k = 0; k < walk.extent; ++k)
        hold((unit + k) / walk.per_line,
             {(unit_there + k) / walk.per_line - sizes_.scratchpad_lines, number_, true});
      return;
    }
    for (std::int64_t i = 0; i < walk.loops[loop]; ++i)
      hold_moved(walk, there, loop + 1, unit + i * walk.address.stride[loop],
                 unit_there + i * there.address.stride[loop]);
  }

  const models::MemorySizes sizes_;
  const std::vector<std::optional<isa::Address>>& outputs_;
  std::vector<Line> lines_;
  Homes homes_;
  std::vector<bool> needed_;
  std::vector<Span> reads_;  // in HBM, of the instruction; lines counted from the scratchpad's first
  std::int32_t number_ = 0;
  bool may_drop_ = false;
  DirectProgram result_;
};

// Programs of layers need some five. After more, all outputs stay in the scratchpad.
constexpr int kMostPasses = 20;

}  // namespace

DirectProgram with_direct_hbm(const isa::Program& program, const models::MemorySizes& sizes) {
  std::vector<std::optional<isa::Address>> outputs = destinations(program, sizes);
  for (int pass = 1;; ++pass) {
    Follower follower(program, sizes, outputs);
    follower.follow();
    bool again = false;
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      if (!outputs[i] || (!follower.needed(i) && pass < kMostPasses)) continue;
      outputs[i].reset();
      again = true;
    }
    if (!again) return std::move(follower.result());
  }
}

}  // namespace anzan::sim
