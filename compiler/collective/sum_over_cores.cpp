// The rounds of a sum over cores: see collective.hpp.
#include "compiler/collective/sum_over_cores.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <stdexcept>
#include <string>
#include <tuple>

#include "compiler/instructions/nest.hpp"
#include "compiler/instructions/operands.hpp"
#include "compiler/instructions/ranges.hpp"
#include "compiler/schedule/semaphores.hpp"
#include "models/number_format.hpp"

namespace anzan::compiler {
namespace {

using Resource = Access::Resource;

// One dimension of the exchange and what of the buffer goes round in it.
struct Ring {
  Dimension dimension;
  int size;
  std::int64_t chunk;          // lines of the pieces that go round
  std::int64_t arrival_first;  // line of the arrival buffer where its first piece arrives

  std::int64_t position(int core) const {
    const int coordinate = core / dimension.stride % size;
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
  Access lines(std::int64_t first, std::int64_t count, bool write) const {
    return {Resource::kScratchpad, first, first + count, write};
  }

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
              put_lines(next(ring.dimension, core), own(core, -t - 1), arrival, ring.chunk, signal));
        },
        {lines(b_.line, b_.lines, false), lines(arrival, ring.chunk, true), raising(semaphores_.from(d))}, 0,
        false));
    const auto slot = static_cast<std::int64_t>(b_.slot);
    round.parts.push_back(part(
        [=, format = b_.format, lanes = lanes_](int core) {
          return isa::Instruction(
              add_lines(own(core, -t - 2), arrival, ring.chunk, format, static_cast<int>(slot), lanes));
        },
        {lines(arrival, ring.chunk, false),
         lines(b_.line, b_.lines, true),
         {Resource::kSlotForReading, slot, slot + 1, false},
         {Resource::kSlotForWriting, slot, slot + 1, false},
         taking(semaphores_.from(d))},
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
    std::vector<Access> touches{lines(b_.line, b_.lines, true), raising(signal)};
    if (arrived_ != 0) touches.push_back(taking(arrived_));
    Round round;
    round.parts.push_back(part(
        [=](int core) {
          return isa::Instruction(
              put_lines(next(ring.dimension, core), line(core), line(core), ring.chunk, signal));
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

std::vector<Way> all_ways(const Way& grid, int fixed, std::size_t semaphores) {
  const auto turning = grid.begin() + fixed;
  std::vector<Way> result;
  for (auto first = turning; first != grid.end(); ++first) {
    if (first->size == 1) continue;
    result.emplace_back(grid.begin(), turning);
    result.back().insert(result.back().end(), first, grid.end());
    result.back().insert(result.back().end(), turning, first);
  }
  if (result.empty()) result.push_back(grid);
  if (std::any_of(grid.begin(), grid.end(), [](const Dimension& d) { return d.size > 2; })) {
    for (std::size_t i = 0, turns = result.size(); i < turns; ++i) {
      result.push_back(result[i]);
      for (Dimension& d : result.back()) d.reversed = true;
    }
  }
  while (result.size() > 1 && ArrivalSemaphores::needed(result) > semaphores) result.pop_back();
  return result;
}

std::vector<Way> ways(const ExchangeParameters& parameters) {
  std::vector<Way> result = all_ways(parameters.grid(), parameters.fixed_dimensions, parameters.semaphores);
  const auto wanted = static_cast<std::size_t>(parameters.ways);
  if (wanted > result.size())
    throw std::invalid_argument("exchange: found " + std::to_string(wanted) + " ways, expected at most " +
                                std::to_string(result.size()));
  result.resize(wanted);
  return result;
}

ArrivalSemaphores::ArrivalSemaphores(const Way& way, std::size_t semaphores)
    : ArrivalSemaphores(of({way}, semaphores).front()) {}

// Of two cores, each is the next of the other in both directions.
ArrivalSemaphores::Neighbour ArrivalSemaphores::neighbour(const Dimension& d) {
  return {d.size, d.stride, d.reversed && d.size > 2};
}

std::size_t ArrivalSemaphores::needed(const std::vector<Way>& ways) {
  std::set<Neighbour> neighbours;
  for (const Way& way : ways) {
    for (const Dimension& d : way) {
      if (d.size > 1) neighbours.insert(neighbour(d));
    }
  }
  return neighbours.size() + ways.size();
}

std::vector<ArrivalSemaphores> ArrivalSemaphores::of(const std::vector<Way>& ways, std::size_t semaphores) {
  static_assert(kFirstRemoteSemaphore + kSemaphores == isa::kSemaphores, "all that is left");
  if (needed(ways) > semaphores)
    throw std::invalid_argument("exchange: found " + std::to_string(ways.size()) + " ways through " +
                                std::to_string(ways.front().size()) + " dimensions, which need " +
                                std::to_string(needed(ways)) + " semaphores, expected at most " +
                                std::to_string(semaphores));
  std::size_t taken = 0;
  const auto take = [&taken] { return std::uint32_t{1} << (kFirstRemoteSemaphore + taken++); };
  std::map<Neighbour, std::uint32_t> from;
  std::vector<ArrivalSemaphores> result;
  for (const Way& way : ways) {
    ArrivalSemaphores& s = result.emplace_back(ArrivalSemaphores());
    for (const Dimension& d : way) {
      std::uint32_t& semaphore = from[neighbour(d)];
      if (semaphore == 0 && d.size > 1) semaphore = take();
      s.from_.push_back(semaphore);
    }
    s.complete_ = take();
  }
  return result;
}

isa::Put put_lines(int core, std::int64_t src, std::int64_t dst, std::int64_t lines, std::uint32_t signal) {
  isa::Put p;
  p.element = models::kRawWords;
  p.core = static_cast<std::uint16_t>(core);
  p.remote_signal = signal;
  p.src = at(src);
  p.dst = at(dst);
  p.loops.back() = static_cast<std::uint16_t>(lines);
  p.src.stride.back() = p.dst.stride.back() = 1;
  return p;
}

isa::Vector add_lines(std::int64_t line, std::int64_t arrival, std::int64_t lines, isa::Format format,
                      int slot, std::int64_t lanes) {
  const std::int64_t rows = models::elements_per_word(format);
  isa::Vector v;
  v.op = isa::VectorOp::kAdd;
  v.out_format = format;
  v.slot_o = static_cast<std::uint16_t>(slot);
  v.mask = lane_mask(0, lanes);
  v.a.kind = v.b.kind = isa::OperandKind::kRows;
  v.a.format = v.b.format = format;
  v.a.slot = v.b.slot = v.slot_o;
  v.a.at = at(line * rows);
  v.b.at = at(arrival * rows);
  v.o = at(line * rows);
  Nest().loop(lines * rows, {1, 1, 0, 1, 0}).finish(v);
  return v;
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

Access raising(std::uint32_t semaphore) {
  return {Resource::kOrder, semaphore, std::int64_t{semaphore} + 1, true};
}

Access taking(std::uint32_t semaphore) {
  constexpr std::int64_t kBehind = std::int64_t{1} << isa::kSemaphores;
  return {Resource::kOrder, kBehind + semaphore, kBehind + semaphore + 1, true};
}

}  // namespace anzan::compiler
