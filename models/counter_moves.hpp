// What `take` and `give` mean: the counters of a slot between statistics database and scratchpad, as words
// one after the other.
#pragma once
#include <cstdint>

#include "isa/isa_generated.hpp"
#include "models/core.hpp"
#include "models/plan.hpp"

namespace anzan::models {

// Words of a slot's counters in whole lines of the statistics database, zeros after the last counter; the
// lines of the scratchpad that they touch, of `lanes` words each.
inline constexpr std::int64_t kCounterWords = isa::kStatisticsLines * isa::kCountersPerLine;
constexpr std::int64_t counter_lines(std::int64_t lanes) { return (kCounterWords + lanes - 1) / lanes; }

// Throw InstructionError for lines outside the scratchpad.
void check(const isa::Take& instruction, const MemorySizes& sizes);
void check(const isa::Give& instruction, const MemorySizes& sizes);

void execute(const isa::Take& instruction, Core& core);
void execute(const isa::Give& instruction, Core& core);

}  // namespace anzan::models
