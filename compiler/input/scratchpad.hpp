// The size of the scratchpad: KiB for the user, lines for the compiler.
#pragma once
#include <cstdint>
#include <string>

#include "compiler/input/input_error.hpp"
#include "compiler/input/parameters.hpp"

namespace anzan::compiler {

std::int64_t line_bytes(const ChipParameters& chip);
std::int64_t scratchpad_lines(const ChipParameters& chip);
// The fewest KiB of a scratchpad of at least so many lines.
std::int64_t scratchpad_kib(const ChipParameters& chip, std::int64_t lines);

// That the chip's scratchpad is too small for something that needs one of so many KiB.
InputError scratchpad_too_small(const ChipParameters& chip, std::int64_t needed_kib,
                                const std::string& for_what);

}  // namespace anzan::compiler
