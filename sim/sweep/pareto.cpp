// Points are taken in lexicographic order: what dominates a point comes before it. Among those before it, the
// first objective no longer matters; of the other two a staircase of the best is kept.
#include "sim/sweep/pareto.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <numeric>

namespace anzan::sim {
namespace {

struct Flat {
  std::array<double, 3> values{};
  std::uint32_t number = 0;
};

class Staircase {
 public:
  // Whether one before was nowhere worse; otherwise takes the point in.
  bool covers(double y, double z) {
    auto after = steps_.upper_bound(y);
    if (after != steps_.begin() && std::prev(after)->second <= z) return true;
    auto from = steps_.lower_bound(y);
    while (from != steps_.end() && from->second >= z) from = steps_.erase(from);
    steps_.emplace(y, z);
    return false;
  }

 private:
  std::map<double, double> steps_;  // ascending, and the other objective descending
};

std::vector<std::size_t> front_of_three(const std::vector<Objectives>& points) {
  std::vector<Flat> flat(points.size());
  for (std::size_t p = 0; p < points.size(); ++p) {
    std::copy(points[p].begin(), points[p].end(), flat[p].values.begin());
    flat[p].number = static_cast<std::uint32_t>(p);
  }
  std::sort(flat.begin(), flat.end(), [](const Flat& a, const Flat& b) { return a.values < b.values; });
  std::vector<std::size_t> front;
  Staircase best;
  for (std::size_t p = 0; p < flat.size();) {
    std::size_t end = p;
    while (end < flat.size() && flat[end].values == flat[p].values) ++end;
    const bool covered = best.covers(flat[p].values[1], flat[p].values[2]);
    for (; p < end; ++p)
      if (!covered) front.push_back(flat[p].number);
  }
  return front;
}

std::vector<std::size_t> front_of_many(const std::vector<Objectives>& points) {
  std::vector<std::size_t> order(points.size()), front;
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return points[a] < points[b]; });
  std::vector<std::size_t> judges;  // the front so far; what has dominated lately is asked first
  for (const std::size_t p : order) {
    const auto judge = std::find_if(judges.begin(), judges.end(),
                                    [&](std::size_t j) { return dominates(points[j], points[p]); });
    if (judge == judges.end()) {
      front.push_back(p);
      judges.push_back(p);
    } else {
      std::iter_swap(judge, judges.begin() + (judge - judges.begin()) / 2);
    }
  }
  return front;
}

}  // namespace

bool dominates(const Objectives& a, const Objectives& b) {
  bool better = false;
  for (std::size_t k = 0; k < a.size(); ++k) {
    if (a[k] > b[k]) return false;
    better = better || a[k] < b[k];
  }
  return better;
}

std::vector<std::size_t> pareto_front(const std::vector<Objectives>& points) {
  std::vector<std::size_t> front =
      !points.empty() && points[0].size() > 3 ? front_of_many(points) : front_of_three(points);
  std::sort(front.begin(), front.end());
  return front;
}

std::vector<std::uint32_t> pareto_ranks(const std::vector<Objectives>& points) {
  std::vector<std::uint32_t> ranks(points.size());
  std::vector<std::size_t> left(points.size());
  std::iota(left.begin(), left.end(), std::size_t{0});
  for (std::uint32_t rank = 0; !left.empty(); ++rank) {
    std::vector<Objectives> of_left;
    for (const std::size_t p : left) of_left.push_back(points[p]);
    std::vector<bool> taken(left.size(), false);
    for (const std::size_t f : pareto_front(of_left)) {
      ranks[left[f]] = rank;
      taken[f] = true;
    }
    std::size_t kept = 0;
    for (std::size_t i = 0; i < left.size(); ++i)
      if (!taken[i]) left[kept++] = left[i];
    left.resize(kept);
  }
  return ranks;
}

}  // namespace anzan::sim
