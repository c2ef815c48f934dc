// Collectives are programs of puts and vector additions: here the sum of a buffer over all cores, left in
// every core. It goes through the dimensions of the exchange, in each first scattering the sums along a ring,
// and then back, gathering them (reduce-scatter and all-gather; Patarasuk and Yuan, 2009, and, with
// dimensions of two, Rabenseifner, 2004). Every byte leaves a core as often as it must: 2 (N - 1) / N times
// the buffer. Each half can be had alone.
#pragma once
#include <cstdint>
#include <vector>

#include "compiler/listing.hpp"
#include "compiler/system.hpp"
#include "compiler/windows.hpp"

namespace anzan::compiler {

// In the scratchpad of every core, at the same lines.
struct SumBuffer {
  std::int64_t line = 0;          // of what is summed; a multiple of the cores that take part long
  std::int64_t arrival_line = 0;  // room for what arrives, as many lines
  std::int64_t lines = 0;
  isa::Format format = isa::Format::kFp32;
  int slot = 0;  // integers: the slot of the buffer's settings; the same settings in every core
};

// Semaphores that the cores raise in each other.
class ArrivalSemaphores {
 public:
  static constexpr std::size_t kSemaphores = 12;  // in all

  // Some of [first, end), for collectives through so many dimensions that are under way together. Throws
  // std::invalid_argument for more dimensions than there are semaphores for.
  explicit ArrivalSemaphores(std::size_t dimensions, std::size_t first = 0, std::size_t end = kSemaphores);
  std::uint32_t to_add(std::size_t dimension) const { return bit(shared_ ? dimension : 2 * dimension); }
  std::uint32_t to_forward(std::size_t dimension) const {
    return bit(shared_ ? dimension : 2 * dimension + 1);
  }
  std::uint32_t complete() const { return bit(count_ - 1); }
  // One semaphore serves sums that arrive and sums that return: a second buffer must wait for the end of the
  // first.
  bool one_at_a_time() const { return shared_; }

 private:
  std::uint32_t bit(std::size_t number) const;
  std::size_t first_, count_;
  bool shared_;
};

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
Range own_piece(const SumBuffer& buffer, const std::vector<Dimension>& dimensions, int core);

// Every core that takes part ends with all sums. The instruction that reads them must take complete() and
// must follow the last put.
std::vector<Round> sum_over_cores(const SumBuffer& buffer, const std::vector<Dimension>& dimensions,
                                  const ArrivalSemaphores& semaphores, std::int64_t lanes);

// Every core ends with the sums of its own piece; the rest of the buffer holds partial sums. Whoever reads
// them follows the last addition, which has taken all arrivals. That a core is through does not say that the
// others have read what it sent them: a buffer used again needs another reason.
std::vector<Round> reduce_scatter(const SumBuffer& buffer, const std::vector<Dimension>& dimensions,
                                  const ArrivalSemaphores& semaphores, std::int64_t lanes);

// From its own piece in each core to all pieces in all cores; the arrival buffer is not used. Reading as in
// sum_over_cores. The others' pieces may arrive as soon as any core begins.
std::vector<Round> all_gather(const SumBuffer& buffer, const std::vector<Dimension>& dimensions,
                              const ArrivalSemaphores& semaphores);

// Numbers of Access::Resource::kOrder: all puts, all additions and all readers of sums of a program take
// arrivals in the order in which the other cores cause them.
enum class ExchangeOrder { kPut, kAdd, kComplete, kBegin };
Access in_order(ExchangeOrder what, bool write = true);

}  // namespace anzan::compiler
