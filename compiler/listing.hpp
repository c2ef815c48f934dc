// A program together with the part of the network that each instruction belongs to.
#pragma once
#include <cstdint>
#include <vector>

#include "isa/program.hpp"

namespace anzan::compiler {

struct Listing {
  isa::Program program;
  std::vector<std::uint16_t> region_of;  // an index for each instruction
};

}  // namespace anzan::compiler
