// Words in the scratchpad are those of the record, as everywhere.
#include "models/counter_moves.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <string>

#include "isa/records.hpp"
#include "models/instruction_error.hpp"

namespace anzan::models {
namespace {

using Words = std::array<std::uint32_t, static_cast<std::size_t>(kCounterWords)>;

void check_lines(const char* field, std::int64_t line, const MemorySizes& sizes) {
  const std::int64_t end = line + counter_lines(sizes.lanes);
  if (end > sizes.scratchpad_lines)
    throw InstructionError(field, "lines " + std::to_string(line) + " to " + std::to_string(end - 1),
                           "0 to " + std::to_string(sizes.scratchpad_lines - 1));
}

}  // namespace

void check(const isa::Take& instruction, const MemorySizes& sizes) {
  check_lines("dst", instruction.dst, sizes);
}
void check(const isa::Give& instruction, const MemorySizes& sizes) {
  check_lines("src", instruction.src, sizes);
}

void execute(const isa::Take& instruction, Core& core) {
  const auto counters = isa::pack(core.statistics.take(instruction.slot));
  Words words{};
  std::copy(counters.begin(), counters.end(), words.begin());
  std::memcpy(core.scratchpad() + instruction.dst * core.line_bytes(), words.data(), sizeof words);
}

void execute(const isa::Give& instruction, Core& core) {
  isa::RecordWords<SlotStatistics> counters;
  std::memcpy(counters.data(), core.scratchpad() + instruction.src * core.line_bytes(), sizeof counters);
  core.statistics.give(instruction.slot, isa::unpack<SlotStatistics>(counters));
}

}  // namespace anzan::models
