// A problem taken apart: what lies below all else, and what is never alive at one time.
#pragma once
#include <vector>

#include "compiler/memory/buffers.hpp"

namespace anzan::compiler {

// Buffers that get offsets from `base` on, without a look at other parts.
struct Part {
  std::vector<int> members;  // by their first section
  std::vector<Buffer> buffers;
  Sections sections;
  std::int64_t base = 0;
};

// Takes the buffers apart as far as is cheap. A buffer that is alive in all sections of a part lies at its
// bottom: whatever plan there is, it can be moved there. Those get their offsets at once; the parts hold the
// rest. The least height is the greatest least height of a part, base included, or that of what lies below.
std::vector<Part> take_apart(const std::vector<Buffer>& buffers, std::vector<std::int64_t>& offsets);

}  // namespace anzan::compiler
