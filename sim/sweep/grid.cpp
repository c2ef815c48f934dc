// Every point, in an order in which neighbours run the same programs: what only changes how long these take,
// or what they cost, varies fastest.
#include "sim/sweep/grid.hpp"

#include <algorithm>
#include <array>
#include <string_view>

#include "sim/sweep/sequences.hpp"
#include "sim/sweep/sweep_file.hpp"

namespace anzan::sim {
namespace {

// What the compiler does not see. That this list is complete matters for speed alone.
constexpr std::array<std::string_view, 8> kBesidePrograms{
    "/technology", "/chip/clock_ghz", "/chip/queue_depth",     "/chip/dma_outstanding",
    "/chip/hbm",   "/chip/network",   "/system/topology/link", "/engine"};

bool is_beside_programs(const Override& change) {
  const std::string pointer = change.pointer.to_string();
  return std::any_of(kBesidePrograms.begin(), kBesidePrograms.end(), [&](std::string_view key) {
    return pointer.rfind(key, 0) == 0 && (pointer.size() == key.size() || pointer[key.size()] == '/');
  });
}

bool shares_programs(const Axis& axis) {
  return std::all_of(axis.levels.begin(), axis.levels.end(), [](const Settings& level) {
    return std::all_of(level.begin(), level.end(), is_beside_programs);
  });
}

}  // namespace

void sample_grid(const SweepFile& sweep, const EvaluateAll& evaluate) {
  const std::vector<Axis>& axes = sweep.space.axes();
  std::vector<std::size_t> order(axes.size());
  for (std::size_t a = 0; a < axes.size(); ++a) order[a] = a;
  std::stable_partition(order.begin(), order.end(), [&](std::size_t a) { return !shares_programs(axes[a]); });
  std::vector<Request> part;
  sweep.space.walk(order, [&](const Levels& levels) {
    part.push_back({levels});
    if (part.size() == kPointsAtATime) {
      evaluate(part);
      part.clear();
    }
    return true;
  });
  if (!part.empty()) evaluate(part);
}

}  // namespace anzan::sim
