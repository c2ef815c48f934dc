// First fit: buffers in a given order, each at the least offset at which it meets none that came before it.
#pragma once
#include <vector>

#include "compiler/memory/buffers.hpp"

namespace anzan::compiler {

// Offsets of all buffers; `order` names each once. A buffer that is alive together with more than
// `most_neighbours` that came before it goes above them all, without a look for a gap; so n buffers take
// n (log n + most_neighbours) steps.
std::vector<std::int64_t> first_fit(const std::vector<Buffer>& buffers, const Sections& sections,
                                    const std::vector<int>& order, std::size_t most_neighbours);

}  // namespace anzan::compiler
