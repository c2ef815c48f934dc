// Which semaphores a collective raises in other cores, and how many ways that leaves.
#include "compiler/schedule/semaphores.hpp"

#include <map>
#include <tuple>

#include "compiler/collective/writer.hpp"

namespace anzan::compiler {
namespace {

// Of two cores, each is the next of the other in both directions.
using Neighbour = std::tuple<int, int, bool>;
Neighbour neighbour(const Dimension& d) { return {d.size, d.stride, d.reversed && d.size > 2}; }

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

std::uint32_t remote(std::size_t number) { return std::uint32_t{1} << (kFirstRemoteSemaphore + number); }

}  // namespace

std::size_t long_dimensions(const Way& way) {
  std::size_t result = 0;
  for (const Dimension& d : way) result += d.size > 1 ? 1 : 0;
  return result;
}

std::size_t neighbours(const std::vector<Way>& ways) { return numbers(ways, true).size(); }

std::uint32_t neighbour_semaphore(const std::vector<Way>& ways, const Dimension& dimension,
                                  NeighbourSignal signal) {
  const std::size_t all = neighbours(ways);
  if (signal == NeighbourSignal::kLast && 3 * all > ArrivalSemaphores::kSemaphores)
    signal = NeighbourSignal::kData;
  return remote(numbers(ways, true).at(neighbour(dimension)) + static_cast<std::size_t>(signal) * all);
}

std::uint32_t credit_semaphore(const std::vector<Way>& ways, const Dimension& dimension) {
  return remote(ArrivalSemaphores::needed(ways) + numbers(ways, false).at(neighbour(dimension)));
}

std::size_t semaphores_needed(const CollectiveParameters& p, const std::vector<Way>& ways, bool credits) {
  switch (p.kind) {
    case CollectiveKind::kBroadcast:
      return ways.size() * (1 + (credits ? long_dimensions(ways.front()) : 0));
    case CollectiveKind::kAllToAll:
      return p.direct ? 0 : neighbours(ways) * (credits ? 2 : 1);
    case CollectiveKind::kAllReduce:
      return ArrivalSemaphores::needed(ways);
    default:
      return ArrivalSemaphores::needed(ways) + (credits ? numbers(ways, false).size() : 0);
  }
}

std::vector<Way> ways_of(const CollectiveParameters& p) {
  std::vector<Way> result = ways(p.exchange);
  if (p.kind == CollectiveKind::kAllToAll && p.direct) result.resize(1);
  while (result.size() > 1 && semaphores_needed(p, result, true) > ArrivalSemaphores::kSemaphores)
    result.pop_back();
  return result;
}

}  // namespace anzan::compiler
