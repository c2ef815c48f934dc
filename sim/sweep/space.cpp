// A point of the space as changes of the base configuration.
#include "sim/sweep/space.hpp"

#include <utility>

namespace anzan::sim {

Space::Space(std::vector<Axis> axes, std::vector<std::string> constraints)
    : axes_(std::move(axes)), constraints_(std::move(constraints)) {}

double Space::grid_points() const {
  double points = 1;
  for (const Axis& axis : axes_) points *= static_cast<double>(axis.levels.size());
  return points;
}

Settings Space::settings(const Levels& levels) const {
  Settings all;
  for (std::size_t a = 0; a < axes_.size(); ++a) {
    const Settings& level = axes_[a].levels.at(levels.at(a));
    all.insert(all.end(), level.begin(), level.end());
  }
  return all;
}

}  // namespace anzan::sim
