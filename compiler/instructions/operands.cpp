// The parts of an instruction as the ISA has them.
#include "compiler/instructions/operands.hpp"

namespace anzan::compiler {

isa::Mask lane_mask(std::int64_t first, std::int64_t count) {
  isa::Mask m;
  m.lane_first = static_cast<std::uint8_t>(first);
  m.lane_count = static_cast<std::uint8_t>(count);
  return m;
}

isa::Address at(std::int64_t base) {
  isa::Address a;
  a.base = static_cast<std::uint32_t>(base);
  return a;
}

}  // namespace anzan::compiler
