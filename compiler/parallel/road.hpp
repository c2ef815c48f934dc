// A one-way road between neighbours along an axis: each core sends messages to the one `distance` places on,
// where they land in a few buffers in turn. A buffer is used again when its reader has given it back, so
// that a sender is never ahead of what the receiver has room for.
#pragma once
#include <cstdint>
#include <functional>
#include <vector>

#include "compiler/input/system.hpp"
#include "compiler/lowering/lowering.hpp"

namespace anzan::compiler {

// `count` buffers of `lines` lines each, one after the other in the scratchpad, used in turn.
struct Buffers {
  std::int64_t line = 0, lines = 0, count = 1;
  std::int64_t line_of(std::int64_t use) const { return line + use % count * lines; }
};

class Road {
 public:
  struct Parameters {
    Dimension axis;
    int distance = 1;
    std::uint32_t arrival = 0, credit = 0;  // semaphores that rise at the receiver and at the sender
    Buffers landing;
    std::int64_t first_order = 0;  // of Access::Resource::kOrder: a number for each of these buffers
    std::int64_t credit_line = 0;  // one that nobody reads
  };

  // `messages` of the program: the last buffers need not be given back. `exchange`: what is expected of the
  // network; must outlive the road.
  Road(const Parameters& parameters, std::int64_t messages, const ExchangeParameters& exchange)
      : p_(parameters), messages_(messages), exchange_(exchange) {}

  // Sends `lines` lines from line_in(core), which lies within `touched` in every core.
  void put(Lowering& sender, const std::function<std::int64_t(int core)>& line_in, const Range& touched,
           std::int64_t lines);
  // Where the message that is taken next lands.
  std::int64_t landing_line() const { return p_.landing.line_of(taken_); }
  // Emits the first instruction that reads it; all that is emitted later finds it there.
  void take(Lowering& receiver, const isa::Instruction& instruction, Exchanged exchanged);
  void take(Lowering& receiver, Exchanged exchanged);  // the one that it is in core 0
  // The first that reads it sends it on along the same road; sender and receiver run the same program.
  void forward(Lowering& low, std::int64_t lines);
  // Gives back the buffer of the earliest message not yet given back, once all that was emitted so far has
  // read it.
  void release(Lowering& receiver);

 private:
  std::int64_t lag(std::int64_t lines, const Lowering& low) const;
  Access use_of(std::int64_t message) const { return ordered(p_.first_order + message % p_.landing.count); }
  void arrives(Lowering& receiver, Exchanged& exchanged);
  isa::Put sending(const std::function<std::int64_t(int core)>& line_in, const Range& touched,
                   std::int64_t lines, Exchanged& exchanged);

  Parameters p_;
  std::int64_t messages_;
  const ExchangeParameters& exchange_;
  std::vector<std::int32_t> puts_, releases_;  // numbers of the instructions
  std::vector<std::int64_t> sizes_;            // lines
  std::int64_t taken_ = 0;
};

}  // namespace anzan::compiler
