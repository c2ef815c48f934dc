// First fit: buffers in a given order, each at the least offset at which it meets none that came before it.
#pragma once
#include <functional>
#include <vector>

#include "compiler/memory/buffers.hpp"

namespace anzan::compiler {

// Offsets of all buffers; `order` names each once. `looks` is how many looks at buffers that came before may
// be taken, and becomes what is left. When none is left, or `stop` says so, a buffer goes above all that it
// is alive together with, without a look for a gap; so n buffers take n log n + looks steps.
std::vector<std::int64_t> first_fit(const std::vector<Buffer>& buffers, const Sections& sections,
                                    const std::vector<int>& order, std::size_t& looks,
                                    const std::function<bool()>& stop = {});

}  // namespace anzan::compiler
