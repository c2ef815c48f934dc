// The size of a core's HBM: rows and channels for the user, lines for the compiler.
#pragma once
#include <cstdint>
#include <string>

#include "compiler/input/parameters.hpp"

namespace anzan::compiler {

// Throws InputError, with the fewest rows and channels that are enough, if the chip's HBM has fewer lines.
void check_hbm(const ChipParameters& chip, std::int64_t lines, const std::string& for_what);

}  // namespace anzan::compiler
