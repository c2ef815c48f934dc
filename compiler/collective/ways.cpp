// Each dimension is the first of a way once, in both directions, as far as semaphores go.
#include "compiler/collective/ways.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>

#include "compiler/collective/semaphores.hpp"

namespace anzan::compiler {

std::vector<Way> all_ways(const Way& numbered, int fixed, std::size_t semaphores, int begin) {
  Way grid = numbered;
  std::rotate(grid.begin() + fixed, grid.begin() + fixed + begin, grid.end());
  const auto turning = grid.begin() + fixed;
  std::vector<Way> result;
  for (auto first = turning; first != grid.end(); ++first) {
    if (first->size == 1) continue;
    result.emplace_back(grid.begin(), turning);
    result.back().insert(result.back().end(), first, grid.end());
    result.back().insert(result.back().end(), turning, first);
  }
  if (result.empty()) result.push_back(grid);
  if (std::any_of(grid.begin(), grid.end(), [](const Dimension& d) { return d.size > 2; })) {
    for (std::size_t i = 0, turns = result.size(); i < turns; ++i) {
      result.push_back(result[i]);
      for (Dimension& d : result.back()) d.reversed = true;
    }
  }
  while (result.size() > 1 && ArrivalSemaphores::needed(result) > semaphores) result.pop_back();
  return result;
}

std::vector<Way> ways(const ExchangeParameters& parameters) {
  const Way grid = parameters.grid();
  const int turning = static_cast<int>(grid.size()) - parameters.fixed_dimensions;
  if (parameters.first_dimension > std::max(0, turning - 1))
    throw std::invalid_argument("exchange: found first dimension " +
                                std::to_string(parameters.first_dimension) + " of " +
                                std::to_string(turning));
  std::vector<Way> result =
      all_ways(grid, parameters.fixed_dimensions, parameters.semaphores, parameters.first_dimension);
  const auto wanted = static_cast<std::size_t>(parameters.ways);
  if (wanted > result.size())
    throw std::invalid_argument("exchange: found " + std::to_string(wanted) + " ways, expected at most " +
                                std::to_string(result.size()));
  result.resize(wanted);
  return result;
}

std::size_t long_dimensions(const Way& way) {
  std::size_t result = 0;
  for (const Dimension& d : way) result += d.size > 1 ? 1 : 0;
  return result;
}

}  // namespace anzan::compiler
