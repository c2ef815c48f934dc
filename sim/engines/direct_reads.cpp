// Follows a program in its order: which lines of the scratchpad are still what which load has brought from
// which lines of HBM.
#include "sim/engines/direct_reads.hpp"

#include <array>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <optional>
#include <variant>

#include "compiler/instructions/accesses.hpp"
#include "compiler/instructions/runs.hpp"
#include "models/dma.hpp"
#include "models/number_format.hpp"
#include "models/vector_unit.hpp"

namespace anzan::sim {
namespace {

using compiler::Access;
using compiler::LoopCounts;
using compiler::Runs;

// What a line of the scratchpad holds.
struct Line {
  static constexpr std::int64_t kNowhere = -1;
  static constexpr std::int32_t kNone = -1;
  std::int64_t home = kNowhere;  // the line of HBM that holds the same
  std::int32_t load = kNone;     // the instruction that brought it, all of it
};

// How many lines of the scratchpad have their homes where in HBM, so that stores need not look through it.
class Homes {
 public:
  explicit Homes(std::int64_t hbm_lines) : in_(static_cast<std::size_t>(hbm_lines / kLines + 1), 0) {}
  void add(std::int64_t line, int number) {
    if (line != Line::kNowhere) in_[static_cast<std::size_t>(line / kLines)] += number;
  }
  bool any(std::int64_t begin, std::int64_t end) const {
    for (std::int64_t part = begin / kLines; part <= (end - 1) / kLines; ++part)
      if (in_[static_cast<std::size_t>(part)] != 0) return true;
    return false;
  }

 private:
  static constexpr std::int64_t kLines = 256;
  std::vector<std::int32_t> in_;
};

// Units of an address: rows, or elements of a broadcast.
struct Walked {
  isa::Address& address;
  int depth;
  std::int64_t extent, per_line;
};

class Follower {
 public:
  Follower(const isa::Program& program, const models::MemorySizes& sizes)
      : sizes_(sizes),
        lines_(static_cast<std::size_t>(sizes.scratchpad_lines)),
        homes_(sizes.hbm_lines),
        needed_(program.size(), false) {
    result_.program = program;
  }

  DirectReads follow() {
    std::vector<bool> loads;
    for (isa::Instruction& instruction : result_.program) {
      loads.push_back(false);
      if (auto* copy = std::get_if<isa::Copy>(&instruction);
          copy != nullptr && copy->src_space == isa::Space::kHbm)
        loads.back() = load(*copy);
      else
        std::visit(*this, instruction);
      ++number_;
    }
    for (const Line& line : lines_) need(line);  // what remains in the scratchpad
    for (std::size_t i = 0; i < loads.size(); ++i) {
      const bool drops = loads[i] && !needed_[i];
      result_.dropped.push_back(drops);
      if (drops) result_.program[i] = isa::End{};
    }
    return std::move(result_);
  }

  void operator()(isa::Tensor& t) {
    read_or_redirect({t.a, isa::kLoops, 1, 1}, t.loops, kStepBytes);
    read_or_redirect({t.b, isa::kLoops, 1, 1}, t.loops, kStepBytes);
    const int outer = isa::kLoops - t.reduce;
    const std::int64_t words = models::accumulator_lines(t.format, 1);
    if (t.init == isa::Init::kBias) read({t.c, outer, 1, 1}, t.loops);
    if (t.init == isa::Init::kSpill) read({t.c, outer, words * (t.row_first + t.row_count), 1}, t.loops);
    if (t.spill != 0) {
      isa::Address first = t.o;
      first.base += static_cast<std::uint32_t>(words * t.row_first);
      write({first, outer, words * t.row_count, 1}, t.loops, true);
    } else {
      isa::Address first = t.o;
      first.base += t.row_first;
      write({first, outer, t.row_count, packed(t.out_format)}, t.loops, all_lanes(t.mask));
    }
  }
  void operator()(isa::Vector& v) {
    const models::OperandUse use = models::operands_of(v.op);
    const std::pair<isa::Operand*, bool> operands[] = {{&v.a, use.a}, {&v.b, use.b}, {&v.c, use.c}};
    for (const auto& [operand, used] : operands) {
      const bool rows = operand->kind == isa::OperandKind::kRows;
      if (!used || (!rows && operand->kind != isa::OperandKind::kBroadcast)) continue;
      read_or_redirect({operand->at, isa::kLoops, 1, packed(operand->format) * (rows ? 1 : sizes_.lanes)},
                       v.loops);
    }
    write({v.o, isa::kLoops - v.reduce, 1, packed(v.out_format)}, v.loops, all_lanes(v.mask));
  }
  void operator()(isa::Transpose& t) {
    read_or_redirect({t.src, isa::kLoops, t.src_rows, packed(t.element)}, t.loops);
    write({t.dst, isa::kLoops, t.dst_rows, packed(t.element)}, t.loops, true);
  }
  // Not from HBM.
  void operator()(isa::Copy& c) {
    read({c.src, isa::kLoops, 1, packed(c.element)}, c.loops);
    if (c.dst_space == isa::Space::kHbm)
      store({c.dst, isa::kLoops, 1, packed(c.element)}, c.loops);
    else
      write({c.dst, isa::kLoops, 1, packed(c.element)}, c.loops, true);
  }
  template <class Other>
  void operator()(const Other& other) {
    for (const Access& access : compiler::accesses(other, sizes_.lanes))
      if (access.resource == Access::Resource::kScratchpad)
        for (std::int64_t line = access.begin; line < access.end; ++line) {
          need(at(line));
          if (access.write) hold(line, {});
        }
  }

 private:
  static constexpr std::int64_t kStepBytes =
      INT32_MAX;  // that steps of a sum lie apart (models/kernels/jobs.hpp)

  static std::int64_t packed(isa::Format f) { return models::elements_per_word(f); }
  bool all_lanes(const isa::Mask& mask) const { return mask.lane_count == sizes_.lanes; }
  Line& at(std::int64_t line) { return lines_[static_cast<std::size_t>(line)]; }

  void need(const Line& line) {
    if (line.load != Line::kNone) needed_[static_cast<std::size_t>(line.load)] = true;
  }
  void hold(std::int64_t number, const Line& now) {
    Line& line = at(number);
    homes_.add(line.home, -1);
    homes_.add(now.home, 1);
    line = now;
  }

  // What is read in the scratchpad must be there.
  void read(const Walked& walked, const LoopCounts& loops) {
    Runs runs(walked.address, loops, walked.depth, walked.extent);
    runs.join(walked.per_line - 1);
    runs.each([&](std::int64_t unit) {
      for (std::int64_t line = unit / walked.per_line; line * walked.per_line < unit + runs.run(); ++line)
        need(at(line));
    });
  }
  // A line that is written in part still has what was there before.
  void write(const Walked& walked, const LoopCounts& loops, bool whole_rows) {
    Runs runs(walked.address, loops, walked.depth, walked.extent);
    runs.join(0);
    const std::int64_t per_line = walked.per_line;
    runs.each([&](std::int64_t unit) {
      const std::int64_t end = unit + runs.run();
      for (std::int64_t line = unit / per_line; line * per_line < end; ++line) {
        if (!whole_rows || line * per_line < unit || (line + 1) * per_line > end) need(at(line));
        hold(line, {});
      }
    });
  }
  // What of the lines of HBM that are written stands in the scratchpad stands there alone.
  void store(const Walked& walked, const LoopCounts& loops) {
    Runs runs(walked.address, loops, walked.depth, walked.extent);
    runs.join(walked.per_line - 1);
    runs.each([&](std::int64_t unit) {
      const std::int64_t begin = unit / walked.per_line, end = (unit + runs.run() - 1) / walked.per_line + 1;
      if (!homes_.any(begin, end)) return;
      for (std::int64_t n = 0; n < sizes_.scratchpad_lines; ++n)
        if (const Line& line = at(n); line.home >= begin && line.home < end)
          hold(n, {Line::kNowhere, line.load});
    });
  }

  // Whether the load can be dropped as far as it is concerned.
  bool load(const isa::Copy& copy) {
    const models::CopyPlan plan = models::plan(copy, sizes_);
    if (plan.job.element != isa::Format::kFp32) {  // no whole lines
      isa::Address to = copy.dst;
      write({to, isa::kLoops, 1, packed(copy.element)}, copy.loops, true);
      return false;
    }
    load_lines(plan.job, 0, plan.job.src.base, plan.job.dst.base);
    return true;
  }
  void load_lines(const models::kernels::CopyJob& job, int loop, std::int64_t from, std::int64_t to) {
    if (loop == job.nest.depth) return hold(to, {from, number_});
    for (std::int64_t i = 0; i < job.nest.count[loop]; ++i)
      load_lines(job, loop + 1, from + i * job.src.stride[loop], to + i * job.dst.stride[loop]);
  }

  // Where a unit of the scratchpad is in HBM.
  std::optional<std::int64_t> home_of(std::int64_t unit, std::int64_t per_line) {
    const std::int64_t home = at(unit / per_line).home;
    if (home == Line::kNowhere) return {};
    return home * per_line + unit % per_line;
  }

  // The operand reads in HBM, if all that it reads is there and lies so that an address reaches it; in the
  // scratchpad otherwise.
  void read_or_redirect(const Walked& walked, const LoopCounts& loops,
                        std::int64_t most_bytes = std::numeric_limits<std::int64_t>::max()) {
    if (const auto address = redirected(walked, loops, most_bytes))
      walked.address = *address;
    else
      read(walked, loops);
  }
  std::optional<isa::Address> redirected(const Walked& walked, const LoopCounts& loops,
                                         std::int64_t most_bytes) {
    const std::int64_t per_line = walked.per_line;
    const auto first = home_of(walked.address.base, per_line);
    if (!first) return {};
    Moved moved;
    std::int64_t span = walked.extent;
    isa::Address address;
    for (std::size_t k = 0; k < static_cast<std::size_t>(walked.depth); ++k) {
      const std::int64_t stride = walked.address.stride[k];
      if (loops[k] < 2 || stride == 0) continue;
      const auto next = home_of(walked.address.base + stride, per_line);
      if (!next) return {};
      const std::int64_t new_stride = *next - *first;
      if (new_stride != static_cast<std::int32_t>(new_stride)) return {};
      span += std::abs(new_stride) * (loops[k] - 1);
      address.stride[k] = static_cast<std::int32_t>(new_stride);
      moved.level[moved.levels++] = {loops[k], stride, new_stride};
    }
    if (walked.extent > 1) moved.level[moved.levels++] = {walked.extent, 1, 1};
    const std::int64_t base = *first + sizes_.scratchpad_lines * per_line;
    if (base > std::numeric_limits<std::uint32_t>::max()) return {};
    if (span > most_bytes / (4 * sizes_.lanes)) return {};
    if (!lies_so(moved, 0, walked.address.base, *first, per_line)) return {};
    address.base = static_cast<std::uint32_t>(base);
    return address;
  }
  struct Moved {
    struct Level {
      std::int64_t count, stride, new_stride;
    };
    std::array<Level, isa::kLoops + 1> level;
    std::size_t levels = 0;
  };
  bool lies_so(const Moved& moved, std::size_t from, std::int64_t unit, std::int64_t home,
               std::int64_t per_line) {
    if (from == moved.levels) return home_of(unit, per_line) == home;
    const auto [count, stride, new_stride] = moved.level[from];
    for (std::int64_t i = 0; i < count; ++i)
      if (!lies_so(moved, from + 1, unit + i * stride, home + i * new_stride, per_line)) return false;
    return true;
  }

  const models::MemorySizes sizes_;
  std::vector<Line> lines_;
  Homes homes_;
  std::vector<bool> needed_;
  std::int32_t number_ = 0;
  DirectReads result_;
};

}  // namespace

DirectReads read_directly(const isa::Program& program, const models::MemorySizes& sizes) {
  return Follower(program, sizes).follow();
}

}  // namespace anzan::sim
