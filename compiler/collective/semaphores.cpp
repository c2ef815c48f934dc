// Neighbours are numbered in the order in which the ways meet them.
#include "compiler/collective/semaphores.hpp"

#include <map>
#include <stdexcept>
#include <string>
#include <tuple>

#include "compiler/schedule/semaphores.hpp"

namespace anzan::compiler {
namespace {

static_assert(kFirstRemoteSemaphore == kOwnSemaphores,
              "those that order the units, then those of other cores");

using Neighbour = std::tuple<int, int, bool>;
Neighbour neighbour(const Dimension& d) { return {d.size, d.stride, d.reversed && d.size > 2}; }

// With `both_directions` also those that only receive.
std::map<Neighbour, std::size_t> numbers(const std::vector<Way>& ways, bool both_directions) {
  std::map<Neighbour, std::size_t> result;
  for (const Way& way : ways) {
    for (Dimension d : way) {
      if (d.size == 1) continue;
      result.emplace(neighbour(d), result.size());
      d.reversed = !d.reversed;
      if (both_directions) result.emplace(neighbour(d), result.size());
    }
  }
  return result;
}

}  // namespace

ArrivalSemaphores::ArrivalSemaphores(const Way& way, std::size_t semaphores)
    : ArrivalSemaphores(of({way}, semaphores).front()) {}

std::size_t ArrivalSemaphores::needed(const std::vector<Way>& ways) { return senders(ways) + ways.size(); }

std::vector<ArrivalSemaphores> ArrivalSemaphores::of(const std::vector<Way>& ways, std::size_t semaphores) {
  if (needed(ways) > semaphores)
    throw std::invalid_argument("exchange: found " + std::to_string(ways.size()) + " ways through " +
                                std::to_string(ways.front().size()) + " dimensions, which need " +
                                std::to_string(needed(ways)) + " semaphores, expected at most " +
                                std::to_string(semaphores));
  std::size_t taken = 0;
  std::map<Neighbour, std::uint32_t> from;
  std::vector<ArrivalSemaphores> result;
  for (const Way& way : ways) {
    ArrivalSemaphores& s = result.emplace_back(ArrivalSemaphores());
    for (const Dimension& d : way) {
      std::uint32_t& semaphore = from[neighbour(d)];
      if (semaphore == 0 && d.size > 1) semaphore = remote_semaphore(taken++);
      s.from_.push_back(semaphore);
    }
    s.complete_ = remote_semaphore(taken++);
  }
  return result;
}

ArrivalSemaphores ArrivalSemaphores::without_first() const {
  ArrivalSemaphores result = *this;
  result.from_.erase(result.from_.begin());
  if (!result.from_.empty()) result.complete_ = result.from_.front();
  return result;
}

std::size_t senders(const std::vector<Way>& ways) { return numbers(ways, false).size(); }

std::uint32_t credit_semaphore(const std::vector<Way>& ways, const Dimension& dimension) {
  return remote_semaphore(ArrivalSemaphores::needed(ways) + numbers(ways, false).at(neighbour(dimension)));
}

std::size_t neighbours(const std::vector<Way>& ways) { return numbers(ways, true).size(); }

std::uint32_t neighbour_semaphore(const std::vector<Way>& ways, const Dimension& dimension,
                                  NeighbourSignal signal) {
  const std::size_t all = neighbours(ways);
  if (signal == NeighbourSignal::kLast && 3 * all > RemoteSemaphores::kAll) signal = NeighbourSignal::kData;
  return remote_semaphore(numbers(ways, true).at(neighbour(dimension)) +
                          static_cast<std::size_t>(signal) * all);
}

}  // namespace anzan::compiler
