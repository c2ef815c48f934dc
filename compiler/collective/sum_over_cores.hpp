// Collectives are programs of puts and vector additions: here the sum of a buffer over all cores, left in
// every core. It goes through the dimensions of the exchange, in each first scattering the sums along a ring,
// and then back, gathering them (reduce-scatter and all-gather; Patarasuk and Yuan, 2009, and, with
// dimensions of two, Rabenseifner, 2004). Every byte leaves a core as often as it must: 2 (N - 1) / N times
// the buffer. Each half can be had alone.
#pragma once
#include <cstdint>
#include <vector>

#include "compiler/collective/semaphores.hpp"
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
  isa::VectorOp op = isa::VectorOp::kAdd;  // that sums two lines; of counters kUadd
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
Range own_piece(const SumBuffer& buffer, const Way& way, int core);

// Every core that takes part ends with all sums. The instruction that reads them must take complete() and
// must follow the last put.
std::vector<Round> sum_over_cores(const SumBuffer& buffer, const Way& way,
                                  const ArrivalSemaphores& semaphores, std::int64_t lanes);

// Elements of lines: their format and, if integers, their slot; lanes that are used; what sums them.
struct Summed {
  isa::Format format = isa::Format::kFp32;
  int slot = 0;
  std::int64_t lanes = 0;
  isa::VectorOp op = isa::VectorOp::kAdd;
};
// `lines` lines from line `arrival` on are added to those from `line` on.
isa::Vector adding_lines(std::int64_t line, std::int64_t arrival, std::int64_t lines, const Summed& what);

// Every core ends with the sums of its own piece; the rest of the buffer holds partial sums. Whoever reads
// them follows the last addition, which has taken all arrivals. That a core is through does not say that the
// others have read what it sent them: a buffer used again needs another reason.
std::vector<Round> reduce_scatter(const SumBuffer& buffer, const Way& way,
                                  const ArrivalSemaphores& semaphores, std::int64_t lanes);

// From its own piece in each core to all pieces in all cores; the arrival buffer is not used. Reading as in
// sum_over_cores. The others' pieces may arrive as soon as any core begins.
std::vector<Round> all_gather(const SumBuffer& buffer, const Way& way, const ArrivalSemaphores& semaphores);

}  // namespace anzan::compiler
