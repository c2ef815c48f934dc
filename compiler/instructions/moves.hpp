// Instructions that move rows and whole lines, from memory to memory and from core to core.
#pragma once
#include <cstdint>
#include <vector>

#include "isa/program.hpp"

namespace anzan::compiler {

// Rows, or lines, of a memory from the first one on.
struct Location {
  isa::Space space = isa::Space::kScratchpad;
  std::int64_t first = 0;
};
inline Location in_hbm(std::int64_t first) { return {isa::Space::kHbm, first}; }
inline Location in_scratchpad(std::int64_t first) { return {isa::Space::kScratchpad, first}; }

// A walk of rows: count iterations, the source and the destination advance by so many rows.
struct Walk {
  std::int64_t count, src, dst;
};

// Copies rows; walks outermost first. It becomes a copy of whole lines where everything is aligned, and
// several copies where loops are longer than an instruction can say.
std::vector<isa::Copy> copying(isa::Format format, const Location& from, const Location& to,
                               const std::vector<Walk>& walks);

// As many lines, one after the other on both sides.
isa::Copy copying_lines(const Location& from, const Location& to, std::int64_t lines);

// A loop of a copy of lines; strides in lines.
struct CopyLevel {
  std::int64_t count, src, dst;
};
// Copies lines; at most isa::kLoops levels, outermost first.
isa::Copy copying_levels(const Location& from, const Location& to, const std::vector<CopyLevel>& levels);

// Lines from `src` on go to `core`, from line `dst` on; then its semaphores `signal` rise.
isa::Put putting_lines(int core, std::int64_t src, std::int64_t dst, std::int64_t lines,
                       std::uint32_t signal);

}  // namespace anzan::compiler
