// A line is a word of each lane.
#include "compiler/input/scratchpad.hpp"

#include "isa/isa_generated.hpp"

namespace anzan::compiler {
namespace {

constexpr std::int64_t kKib = 1024;

}  // namespace

std::int64_t line_bytes(const ChipParameters& chip) { return chip.lanes * (isa::kWordBits / 8); }

std::int64_t scratchpad_lines(const ChipParameters& chip) {
  return chip.scratchpad_kib * kKib / line_bytes(chip);
}

std::int64_t scratchpad_kib(const ChipParameters& chip, std::int64_t lines) {
  return (lines * line_bytes(chip) + kKib - 1) / kKib;
}

InputError scratchpad_too_small(const ChipParameters& chip, std::int64_t needed_kib,
                                const std::string& for_what) {
  return {"/chip/scratchpad_kib", std::to_string(chip.scratchpad_kib),
          "at least " + std::to_string(needed_kib) + " for " + for_what};
}

}  // namespace anzan::compiler
