// Reverses by counting: where each row begins, and then what it has.
#include "compiler/schedule/edges.hpp"

namespace anzan::compiler {

Edges Edges::reversed() const {
  Edges result;
  result.numbers_.resize(numbers_.size());
  result.ends_.assign(size() + 1, 0);
  for (const std::int32_t n : numbers_) ++result.ends_[static_cast<std::size_t>(n) + 1];
  for (std::size_t row = 0; row < size(); ++row) result.ends_[row + 1] += result.ends_[row];
  std::vector<std::size_t> next(result.ends_.begin(), result.ends_.end() - 1);
  for (std::size_t row = 0; row < size(); ++row) {
    for (const std::int32_t n : (*this)[row])
      result.numbers_[next[static_cast<std::size_t>(n)]++] = static_cast<std::int32_t>(row);
  }
  return result;
}

}  // namespace anzan::compiler
