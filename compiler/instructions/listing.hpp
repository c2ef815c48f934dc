// A program together with the part of the network that each instruction belongs to, and what instructions
// that exchange data with other cores need beside.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "compiler/instructions/accesses.hpp"
#include "isa/program.hpp"

namespace anzan::compiler {

// A part of the network in one direction: a layer, and its phase: "forward", "backward_data",
// "backward_weight", "gradient_norm", "update", "loss" or "initialize".
struct Region {
  std::string layer, phase;
};

// Of an instruction that takes part in an exchange. All cores of a stage run the same program but for these:
// their addresses depend on the core, never their duration.
struct Exchanged {
  std::function<isa::Instruction(int core)> in_core;  // none: the same in every core
  // In any core. What a core sends, its neighbour sends it likewise: a put counts as writing here what
  // arrives.
  std::vector<Access> touches;
  std::uint32_t arrivals = 0;  // semaphores that another core raises; it takes one of each
  // The instruction, by its number as written, that causes the arrival, in another stage or its equal in
  // another core of the stage; and how long after its end that is expected.
  std::int32_t cause = -1;
  std::int64_t lag_cycles = 0;
};

// By how much the index of the random words of what an instruction writes is larger in a core than in core 0.
using IndexShift = std::function<std::uint32_t(int core)>;

// Of all stages of a pipeline together until it is scheduled, then of one.
struct Listing {
  isa::Program program;
  std::vector<std::uint16_t> region_of;                        // an index for each instruction
  std::vector<std::uint8_t> stage_of;                          // of the first instructions; the rest: stage 0
  std::vector<std::shared_ptr<const Exchanged>> exchanged;     // for the first instructions; null: nothing
  std::vector<std::shared_ptr<const IndexShift>> index_shift;  // for the first instructions; null: none
  std::int64_t expected_cycles = 0;                            // once it is scheduled; of all stages together

  std::size_t stage_at(std::size_t number) const {
    return number < stage_of.size() ? std::size_t{stage_of[number]} : 0;
  }
  const Exchanged* exchanged_at(std::size_t number) const {
    return number < exchanged.size() ? exchanged[number].get() : nullptr;
  }
  isa::Program in_core(int core) const;
  // The first of so many numbers of Access::Resource::kOrder that nobody else has in this listing.
  std::int64_t take_orders(std::int64_t count) {
    orders_taken += count;
    return orders_taken - count;
  }
  std::int64_t orders_taken = 0;
};

}  // namespace anzan::compiler
