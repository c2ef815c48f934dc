// The units that work, numbered from 0 in the order of the ISA: all but the sequencer.
#pragma once
#include <array>
#include <cstddef>

#include "isa/program.hpp"

namespace anzan::compiler {

inline constexpr std::size_t kUnits = 5;
template <class T>
using PerUnit = std::array<T, kUnits>;

inline bool works(const isa::Instruction& i) { return isa::unit(i) != isa::Unit::kSequencer; }
inline std::size_t unit_number(const isa::Instruction& i) {  // of an instruction that works
  return static_cast<std::size_t>(isa::unit(i)) - static_cast<std::size_t>(isa::Unit::kDma);
}

}  // namespace anzan::compiler
