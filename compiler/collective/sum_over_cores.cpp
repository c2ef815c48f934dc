// A ring in each dimension: pieces go round to be summed, the sums go round the other way through the
// dimensions.
#include "compiler/collective/sum_over_cores.hpp"

#include <stdexcept>
#include <utility>

#include "compiler/instructions/moves.hpp"
#include "compiler/instructions/nest.hpp"
#include "compiler/instructions/operands.hpp"
#include "compiler/instructions/ranges.hpp"
#include "models/number_format.hpp"

namespace anzan::compiler {
namespace {

// One dimension of the exchange and what of the buffer goes round in it.
struct Ring {
  Dimension dimension;
  int size;
  std::int64_t chunk;          // lines of the pieces that go round
  std::int64_t arrival_first;  // line of the arrival buffer where its first piece arrives

  std::int64_t position(int core) const {
    const int coordinate = dimension.coordinate(core);
    return dimension.reversed ? size - 1 - coordinate : coordinate;
  }
  // First line of the piece that is `offset` places after the core's own, seen from the region that goes
  // round.
  std::int64_t piece(int core, int offset) const { return (position(core) + offset + size) % size * chunk; }
};

class Sum {
 public:
  Sum(const SumBuffer& buffer, const Way& way, const ArrivalSemaphores& semaphores, std::int64_t lanes)
      : b_(buffer), semaphores_(semaphores), lanes_(lanes), rings_(rings(buffer, way)) {}

  static std::vector<Ring> rings(const SumBuffer& buffer, const Way& way) {
    std::vector<Ring> result;
    std::int64_t region = buffer.lines, arrival = 0;
    for (const Dimension& d : way) {
      if (region % d.size != 0) throw std::logic_error("sum over cores: a buffer that does not divide");
      region /= d.size;
      result.push_back({d, d.size, region, arrival});
      arrival += (d.size - 1) * region;
    }
    return result;
  }

  void scatter() {
    for (std::size_t d = 0; d < rings_.size(); ++d) {
      for (int t = 0; t + 1 < rings_[d].size; ++t) scatter(d, t);
    }
  }

  void gather() {
    for (std::size_t d = rings_.size(); d-- > 0;) {
      for (int t = 0; t + 1 < rings_[d].size; ++t) gather(d, t);
    }
  }

  std::vector<Round> rounds() { return std::move(rounds_); }

  // The part of the buffer that a core works on in this dimension begins where the dimensions before have
  // left its own piece.
  static std::int64_t region(const std::vector<Ring>& rings, std::size_t dimension, int core) {
    std::int64_t line = 0;
    for (std::size_t d = 0; d < dimension; ++d) line += rings[d].piece(core, 0);
    return line;
  }

 private:
  Round::Part part(std::function<isa::Instruction(int)> in_core, std::vector<Access> touches,
                   std::uint32_t arrivals, bool follows_put) const {
    Round::Part p{in_core(0), {}, follows_put};
    p.exchanged.in_core = std::move(in_core);
    p.exchanged.touches = std::move(touches);
    p.exchanged.arrivals = arrivals;
    return p;
  }

  // Round t: the piece t + 1 places behind goes on, and the one behind it arrives and is added, so that the
  // core's own comes last.
  void scatter(std::size_t d, int t) {
    const Ring& ring = rings_[d];
    const std::int64_t arrival = b_.arrival_line + ring.arrival_first + t * ring.chunk;
    const auto own = [b = b_, rings = rings_, d](int core, int offset) {
      return b.line + region(rings, d, core) + rings[d].piece(core, offset);
    };
    Round round;
    round.parts.push_back(part(
        [=, signal = semaphores_.from(d)](int core) {
          return isa::Instruction(
              putting_lines(next(ring.dimension, core), own(core, -t - 1), arrival, ring.chunk, signal));
        },
        {touching(b_.line, b_.lines, false), touching(arrival, ring.chunk, true),
         raising(semaphores_.from(d))},
        0, false));
    round.parts.push_back(part(
        [=, what = Summed{b_.format, b_.slot, lanes_, b_.op}](int core) {
          return isa::Instruction(adding_lines(own(core, -t - 2), arrival, ring.chunk, what));
        },
        {touching(arrival, ring.chunk, false), touching(b_.line, b_.lines, true), reading_slot(b_.slot),
         writing_slot(b_.slot), taking(semaphores_.from(d))},
        semaphores_.from(d), true));
    rounds_.push_back(std::move(round));
  }

  // Round t: the piece t places behind goes on, to where it belongs; it arrived in the round before.
  void gather(std::size_t d, int t) {
    const Ring& ring = rings_[d];
    const bool last = t + 2 == ring.size;
    // who takes what this put causes: the next put, or at the very end whoever reads the sums
    const std::uint32_t signal = last && ends_here(d) ? semaphores_.complete() : semaphores_.from(d);
    const auto line = [b = b_, rings = rings_, d, t](int core) {
      return b.line + region(rings, d, core) + rings[d].piece(core, -t);
    };
    std::vector<Access> touches{touching(b_.line, b_.lines, true), raising(signal)};
    if (arrived_ != 0) touches.push_back(taking(arrived_));
    Round round;
    round.parts.push_back(part(
        [=](int core) {
          return isa::Instruction(
              putting_lines(next(ring.dimension, core), line(core), line(core), ring.chunk, signal));
        },
        std::move(touches), arrived_, arrived_ != 0));
    arrived_ = signal;
    rounds_.push_back(std::move(round));
  }

  bool ends_here(std::size_t d) const {
    for (std::size_t k = 0; k < d; ++k) {
      if (rings_[k].size > 1) return false;
    }
    return true;
  }

  const SumBuffer& b_;
  const ArrivalSemaphores& semaphores_;
  std::int64_t lanes_;
  std::vector<Ring> rings_;
  std::vector<Round> rounds_;
  std::uint32_t arrived_ = 0;  // by what the last put of the gathering has caused
};

}  // namespace

isa::Vector adding_lines(std::int64_t line, std::int64_t arrival, std::int64_t lines, const Summed& what) {
  const std::int64_t per_line = models::elements_per_word(what.format);
  isa::Vector v;
  v.op = what.op;
  writes_to(v, what);
  v.mask = lane_mask(0, what.lanes);
  v.a = rows(what.format, what.slot, line * per_line);
  v.b = rows(what.format, what.slot, arrival * per_line);
  v.o = at(line * per_line);
  return only(Nest().loop(lines, {per_line, per_line, 0, per_line}).loop(per_line, {1, 1, 0, 1}).finish(v));
}

Range own_piece(const SumBuffer& buffer, const Way& way, int core) {
  const std::vector<Ring> rings = Sum::rings(buffer, way);
  const std::int64_t first = buffer.line + Sum::region(rings, rings.size(), core);
  return {first, first + (rings.empty() ? buffer.lines : rings.back().chunk)};
}

std::vector<Round> sum_over_cores(const SumBuffer& buffer, const Way& way,
                                  const ArrivalSemaphores& semaphores, std::int64_t lanes) {
  Sum sum(buffer, way, semaphores, lanes);
  sum.scatter();
  sum.gather();
  return sum.rounds();
}

std::vector<Round> reduce_scatter(const SumBuffer& buffer, const Way& way,
                                  const ArrivalSemaphores& semaphores, std::int64_t lanes) {
  Sum sum(buffer, way, semaphores, lanes);
  sum.scatter();
  return sum.rounds();
}

std::vector<Round> all_gather(const SumBuffer& buffer, const Way& way, const ArrivalSemaphores& semaphores) {
  Sum sum(buffer, way, semaphores, 0);
  sum.gather();
  return sum.rounds();
}

}  // namespace anzan::compiler
