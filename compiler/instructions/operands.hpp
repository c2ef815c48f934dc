// The parts of an instruction, by name.
#pragma once
#include <cstdint>

#include "isa/program.hpp"

namespace anzan::compiler {

isa::Mask lane_mask(std::int64_t first, std::int64_t count);
isa::Address at(std::int64_t base);

}  // namespace anzan::compiler
