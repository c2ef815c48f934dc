// Collectives are programs of puts and vector additions: here the sum of a buffer over all cores, left in
// every core. It goes through the dimensions of the exchange, in each first scattering the sums along a ring,
// and then back, gathering them (reduce-scatter and all-gather; Patarasuk and Yuan, 2009, and, with
// dimensions of two, Rabenseifner, 2004). Every byte leaves a core as often as it must: 2 (N - 1) / N times
// the buffer. Each half can be had alone.
#pragma once
#include <cstdint>
#include <tuple>
#include <vector>

#include "compiler/input/system.hpp"
#include "compiler/instructions/listing.hpp"
#include "compiler/instructions/ranges.hpp"

namespace anzan::compiler {

// In the scratchpad of every core, at the same lines.
struct SumBuffer {
  std::int64_t line = 0;          // of what is summed; a multiple of the cores that take part long
  std::int64_t arrival_line = 0;  // room for what arrives, as many lines
  std::int64_t lines = 0;
  isa::Format format = isa::Format::kFp32;
  int slot = 0;  // integers: the slot of the buffer's settings; the same settings in every core
};

// All ways through a grid: each of its dimensions beyond the first `fixed` ones is the first of the others
// once (they go round), and all that once more in the other direction, where one has more than two cores. So
// the longest part of the sum, that of the first dimension, goes over other links each time. No more than
// there are semaphores for, but at least the first.
std::vector<Way> all_ways(const Way& grid, int fixed, std::size_t semaphores);

// Those that an exchange takes. Throws std::invalid_argument if there are not so many.
std::vector<Way> ways(const ExchangeParameters& parameters);

// Semaphores that the cores raise in each other: one for each neighbour that sends, and one that says that
// the sums are complete. What raises one does so in the order in which others take it (`Arrivals`).
class ArrivalSemaphores {
 public:
  static constexpr std::size_t kSemaphores = 12;  // in all

  // Of collectives that go this way. Throws std::invalid_argument where `semaphores` are too few.
  explicit ArrivalSemaphores(const Way& way, std::size_t semaphores = kSemaphores);
  // Of collectives that go several ways: a neighbour has one semaphore in all of them.
  static std::vector<ArrivalSemaphores> of(const std::vector<Way>& ways,
                                           std::size_t semaphores = kSemaphores);
  static std::size_t needed(const std::vector<Way>& ways);

  std::uint32_t from(std::size_t dimension) const { return from_.at(dimension); }
  std::uint32_t complete() const { return complete_; }

 private:
  using Neighbour = std::tuple<int, int, bool>;
  static Neighbour neighbour(const Dimension& dimension);
  ArrivalSemaphores() = default;
  std::vector<std::uint32_t> from_;
  std::uint32_t complete_ = 0;
};

// Accesses that keep the order: of what raises a semaphore in other cores, and of what takes it here.
Access raising(std::uint32_t semaphore);
Access taking(std::uint32_t semaphore);

// What the cores do in turn; each round waits for the arrivals of the one before.
struct Round {
  struct Part {
    isa::Instruction instruction;  // as core 0 has it
    Exchanged exchanged;
    bool follows_put = false;  // it waits for what the last put before it has caused elsewhere
  };
  std::vector<Part> parts;
};

// Lines of the buffer that are a core's own between the two halves: `line` and, of each core, as many.
Range own_piece(const SumBuffer& buffer, const Way& way, int core);

// Every core that takes part ends with all sums. The instruction that reads them must take complete() and
// must follow the last put.
std::vector<Round> sum_over_cores(const SumBuffer& buffer, const Way& way,
                                  const ArrivalSemaphores& semaphores, std::int64_t lanes);

// Lines from `src` on go to `core`, from line `dst` on; then its semaphores `signal` rise.
isa::Put put_lines(int core, std::int64_t src, std::int64_t dst, std::int64_t lines, std::uint32_t signal);

// Rows of `format` from line `arrival` on are added to as many from `line` on, `lines` lines in all.
isa::Vector add_lines(std::int64_t line, std::int64_t arrival, std::int64_t lines, isa::Format format,
                      int slot, std::int64_t lanes);

// Every core ends with the sums of its own piece; the rest of the buffer holds partial sums. Whoever reads
// them follows the last addition, which has taken all arrivals. That a core is through does not say that the
// others have read what it sent them: a buffer used again needs another reason.
std::vector<Round> reduce_scatter(const SumBuffer& buffer, const Way& way,
                                  const ArrivalSemaphores& semaphores, std::int64_t lanes);

// From its own piece in each core to all pieces in all cores; the arrival buffer is not used. Reading as in
// sum_over_cores. The others' pieces may arrive as soon as any core begins.
std::vector<Round> all_gather(const SumBuffer& buffer, const Way& way, const ArrivalSemaphores& semaphores);

}  // namespace anzan::compiler
