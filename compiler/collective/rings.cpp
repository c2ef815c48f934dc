// Sums and all_gather round the dimensions, segment by segment: loaded, moved by the rounds of
// sum_over_cores.hpp, stored. Where a place in the scratchpad is used again, those who receive tell those who
// send that it is free.
#include "compiler/collective/rings.hpp"

#include <algorithm>

#include "compiler/collective/semaphores.hpp"
#include "compiler/collective/sum_over_cores.hpp"
#include "compiler/instructions/ranges.hpp"

namespace anzan::compiler {
namespace {

class Rings {
 public:
  Rings(const CollectiveParameters& p, const CollectiveCut& cut, std::int64_t result_line)
      : p_(p), c_(cut), result_(result_line), writer_(p), semaphores_(ArrivalSemaphores::of(cut.ways)) {}

  Listing write() {
    const std::size_t all = c_.segments.size();
    last_put_.assign(all, -1);
    credited_.assign(all, -1);
    for (std::size_t s = 0; s < all; ++s) plan(s);
    std::stable_sort(steps_.begin(), steps_.end(), [](const Step& a, const Step& b) {
      return std::pair(a.time, a.segment) < std::pair(b.time, b.segment);
    });
    for (Step& step : steps_) emit(step);
    return writer_.finish();
  }

 private:
  enum class What { kLoad, kPart, kStore, kCredit };
  struct Step {
    std::int64_t time;
    std::size_t segment;
    What what;
    Round::Part part;
  };

  // What a put raises is taken one later, whatever takes it: so all that raise a semaphore and all that take
  // it stand in one order.
  void plan(std::size_t s) {
    std::vector<Step> steps{{-1, s, What::kLoad, {}}};
    for (Round& round : rounds(s))
      for (Round::Part& part : round.parts)
        steps.push_back({steps.back().time + 1, s, What::kPart, std::move(part)});
    steps.push_back({steps.back().time + 1, s, What::kStore, {}});
    steps.push_back({steps.back().time + 1, s, What::kCredit, {}});
    // whole steps apart, segments keep in step; but not where that leaves places empty
    const auto turn = static_cast<std::int64_t>(s), all = static_cast<std::int64_t>(steps.size());
    const std::int64_t start =
        all >= 2 * c_.places ? turn * ceil_div(all, c_.places) : turn * all / c_.places;
    for (Step& step : steps) {
      step.time += start;
      steps_.push_back(std::move(step));
    }
  }

  const Way& way(std::size_t s) const { return c_.ways[s % c_.ways.size()]; }
  const ArrivalSemaphores& semaphores(std::size_t s) const { return semaphores_[s % c_.ways.size()]; }
  bool sums() const { return p_.kind != CollectiveKind::kAllGather; }
  bool needs_credit(std::size_t s) const {
    // the sums come back through all cores: whoever has them knows that everybody has added everything
    return p_.kind != CollectiveKind::kAllReduce &&
           s + static_cast<std::size_t>(c_.places) < c_.segments.size();
  }

  SumBuffer buffer(std::size_t s) const {
    const std::int64_t place = static_cast<std::int64_t>(s) % c_.places * c_.segment_lines;
    SumBuffer b;
    b.line = (sums() ? 2 : 1) * place;
    b.arrival_line = b.line + c_.segment_lines;
    b.lines = c_.cores * c_.segments[s].count;
    b.format = p_.format;
    b.slot = p_.slot;
    return b;
  }
  std::int64_t credit_line() const { return (sums() ? 2 : 1) * c_.places * c_.segment_lines; }

  std::vector<Round> rounds(std::size_t s) const {
    switch (p_.kind) {
      case CollectiveKind::kReduceScatter:
        return reduce_scatter(buffer(s), way(s), semaphores(s), p_.chip.lanes);
      case CollectiveKind::kAllGather:
        return all_gather(buffer(s), way(s), semaphores(s));
      default:
        return sum_over_cores(buffer(s), way(s), semaphores(s), p_.chip.lanes);
    }
  }

  void emit(Step& step) {
    const std::size_t s = step.segment;
    if (step.what == What::kLoad) return load(s);
    if (step.what == What::kStore) return store(s);
    if (step.what == What::kCredit) return give_credit(s);
    Exchanged& exchanged = step.part.exchanged;
    if (step.part.follows_put) {
      exchanged.cause = last_put_[s];
      exchanged.lag_cycles = writer_.lag_cycles(c_.segments[s].count);
    }
    const bool is_put = std::holds_alternative<isa::Put>(step.part.instruction);
    const std::int32_t number = writer_.emit(step.part.instruction, std::move(exchanged));
    if (is_put) last_put_[s] = number;
  }

  // All pieces of the segment, in HBM by the number of the core, in the buffer where its rounds want them.
  void copy_pieces(std::size_t s, bool load, const Exchanged& exchanged) {
    const PieceSegment& segment = c_.segments[s];
    std::vector<CopyLevel> levels;
    std::int64_t hbm = (load ? 0 : result_) + segment.first, inner = c_.cores;
    const auto level = [&](std::int64_t count, std::int64_t in_hbm, std::int64_t in_buffer) {
      levels.push_back(load ? CopyLevel{count, in_hbm, in_buffer} : CopyLevel{count, in_buffer, in_hbm});
    };
    for (const Dimension& d : way(s)) {
      if (d.size == 1) continue;
      inner /= d.size;
      const std::int64_t stride = d.stride * c_.piece_lines;
      if (d.reversed) hbm += (d.size - 1) * stride;
      level(d.size, d.reversed ? -stride : stride, inner * segment.count);
    }
    level(segment.count, 1, 1);
    copy(load, hbm, buffer(s).line, std::move(levels), exchanged);
  }

  void copy_whole(std::size_t s, bool load, const Exchanged& exchanged) {
    const PieceSegment& segment = c_.segments[s];
    copy(load, (load ? 0 : result_) + c_.cores * segment.first, buffer(s).line,
         {{c_.cores, segment.count, segment.count}, {segment.count, 1, 1}}, exchanged);
  }

  void copy(bool load, std::int64_t hbm, std::int64_t line, std::vector<CopyLevel> levels,
            const Exchanged& exchanged) {
    const Location there = in_hbm(hbm), here = in_scratchpad(line);
    writer_.copy(load ? there : here, load ? here : there, std::move(levels), exchanged);
  }

  // The piece of the core itself: elsewhere in each.
  void copy_own(std::size_t s, bool load, Exchanged exchanged) {
    exchanged.in_core = [load, segment = c_.segments[s], b = buffer(s), way = way(s), result = result_,
                         piece = c_.piece_lines](int core) {
      const Location there = in_hbm((load ? 0 : result) + core * piece + segment.first),
                     here = in_scratchpad(own_piece(b, way, core).begin);
      return isa::Instruction(copying_lines(load ? there : here, load ? here : there, segment.count));
    };
    writer_.emit(std::move(exchanged));
  }

  void load(std::size_t s) {
    Exchanged e;
    e.touches = {touching(buffer(s).line, buffer(s).lines, true)};
    const auto places = static_cast<std::size_t>(c_.places);
    if (s >= places && needs_credit(s - places)) {
      for (const Dimension& d : way(s)) {
        if (d.size == 1) continue;
        e.arrivals |= credit_semaphore(c_.ways, d);
        e.touches.push_back(taking(credit_semaphore(c_.ways, d)));
      }
      e.cause = credited_[s - places];
      e.lag_cycles = writer_.lag_cycles(1);
    }
    if (p_.kind == CollectiveKind::kAllReduce) {
      copy_whole(s, true, e);
    } else if (p_.kind == CollectiveKind::kReduceScatter) {
      copy_pieces(s, true, e);
    } else {
      copy_own(s, true, std::move(e));
    }
  }

  void store(std::size_t s) {
    Exchanged e;
    e.touches = {touching(buffer(s).line, buffer(s).lines, false)};
    if (p_.kind == CollectiveKind::kReduceScatter) return copy_own(s, false, std::move(e));
    e.arrivals = semaphores(s).complete();
    e.touches.push_back(taking(e.arrivals));
    e.touches.front().write = true;  // after all puts
    e.cause = last_put_[s];
    e.lag_cycles = writer_.lag_cycles(c_.segments[s].count);
    p_.kind == CollectiveKind::kAllReduce ? copy_whole(s, false, e) : copy_pieces(s, false, e);
  }

  void give_credit(std::size_t s) {
    if (!needs_credit(s)) return;
    for (Dimension d : way(s)) {
      if (d.size == 1) continue;
      const std::uint32_t semaphore = credit_semaphore(c_.ways, d);
      d.reversed = !d.reversed;  // to whom it sends
      Exchanged e;
      e.in_core = [d, line = credit_line(), semaphore](int core) {
        return isa::Instruction(putting_lines(next(d, core), line, line, 1, semaphore));
      };
      const SumBuffer b = buffer(s);
      e.touches = {touching(sums() ? b.arrival_line : b.line, c_.segment_lines, true), raising(semaphore)};
      credited_[s] = writer_.emit(std::move(e));
    }
  }

  const CollectiveParameters& p_;
  const CollectiveCut& c_;
  std::int64_t result_;
  CollectiveWriter writer_;
  std::vector<ArrivalSemaphores> semaphores_;
  std::vector<Step> steps_;
  std::vector<std::int32_t> last_put_, credited_;
};

}  // namespace

Listing ring_collective(const CollectiveParameters& parameters, const CollectiveCut& cut,
                        std::int64_t result_line) {
  return Rings(parameters, cut, result_line).write();
}

}  // namespace anzan::compiler
