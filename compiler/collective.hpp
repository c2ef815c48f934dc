// Collectives are programs of puts and vector additions: here the sum of a buffer over all cores, left in
// every core. It goes through the dimensions of the exchange, in each first scattering the sums along a ring,
// and then back, gathering them (reduce-scatter and all-gather; Patarasuk and Yuan, 2009, and, with
// dimensions of two, Rabenseifner, 2004). Every byte leaves a core as often as it must: 2 (N - 1) / N times
// the buffer.
#pragma once
#include <cstdint>
#include <vector>

#include "compiler/listing.hpp"
#include "compiler/system.hpp"

namespace anzan::compiler {

// In the scratchpad of every core, at the same lines.
struct SumBuffer {
  std::int64_t line = 0;          // of what is summed; a multiple of the number of cores long
  std::int64_t arrival_line = 0;  // room for what arrives, as many lines
  std::int64_t lines = 0;
  isa::Format format = isa::Format::kFp32;
  int slot = 0;  // integers: the slot of the buffer's settings; the same settings in every core
};

// Semaphores that the cores raise in each other.
class ArrivalSemaphores {
 public:
  // Throws std::invalid_argument for more dimensions than there are semaphores for.
  explicit ArrivalSemaphores(std::size_t dimensions);
  std::uint32_t to_add(std::size_t dimension) const { return bit(shared_ ? dimension : 2 * dimension); }
  std::uint32_t to_forward(std::size_t dimension) const {
    return bit(shared_ ? dimension : 2 * dimension + 1);
  }
  std::uint32_t complete() const { return bit(kSemaphores - 1); }
  // One semaphore serves sums that arrive and sums that return: a second buffer must wait for the end of the
  // first.
  bool one_at_a_time() const { return shared_; }

 private:
  static constexpr std::size_t kSemaphores = 12;
  static std::uint32_t bit(std::size_t number);
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

// The instruction that reads the sums must take complete() and must follow the last put.
std::vector<Round> sum_over_cores(const SumBuffer& buffer, const std::vector<int>& dimensions,
                                  const ArrivalSemaphores& semaphores, std::int64_t lanes);

// Rows of `format` from line `arrival` on are added to as many from `line` on, `lines` lines in all.
isa::Vector add_lines(std::int64_t line, std::int64_t arrival, std::int64_t lines, isa::Format format,
                      int slot, std::int64_t lanes);

// Numbers of Access::Resource::kOrder: all puts, all additions and all readers of sums of a program take
// arrivals in the order in which the other cores cause them.
enum class ExchangeOrder { kPut, kAdd, kComplete, kBegin };
Access in_order(ExchangeOrder what, bool write = true);

}  // namespace anzan::compiler
