// Pieces of a dimension, and the piece sizes that a search tries.
#include "compiler/instructions/ranges.hpp"

#include <algorithm>

namespace anzan::compiler {

std::vector<Range> pieces(std::int64_t size, std::int64_t step) {
  std::vector<Range> result;
  for (std::int64_t begin = 0; begin < size; begin += step)
    result.push_back({begin, std::min(size, begin + step)});
  return result;
}

std::vector<std::int64_t> halvings(std::int64_t size) {
  std::vector<std::int64_t> result{size};
  for (std::int64_t parts = 2; result.back() > 1; parts *= 2) {
    const std::int64_t piece = ceil_div(size, parts);
    if (piece != result.back()) result.push_back(piece);
  }
  return result;
}

std::vector<std::int64_t> doublings(std::int64_t size) {
  std::vector<std::int64_t> result = halvings(size);
  std::reverse(result.begin(), result.end());
  return result;
}

}  // namespace anzan::compiler
