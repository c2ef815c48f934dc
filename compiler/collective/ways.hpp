// The orders in which a collective can go through the dimensions of a grid of cores.
#pragma once
#include <cstddef>
#include <vector>

#include "compiler/input/system.hpp"

namespace anzan::compiler {

// All ways through a grid: each of its dimensions beyond the first `fixed` ones is the first of the others
// once (they go round, and begin with number `first` of them), and all that once more in the other direction,
// where one has more than two cores. So the longest part of the sum, that of the first dimension, goes over
// other links each time. No more than there are semaphores for, but at least the first.
std::vector<Way> all_ways(const Way& grid, int fixed, std::size_t semaphores, int first = 0);

// Those that an exchange takes. Throws std::invalid_argument if there are not so many.
std::vector<Way> ways(const ExchangeParameters& parameters);

// Number of dimensions of more than one core.
std::size_t long_dimensions(const Way& way);

}  // namespace anzan::compiler
