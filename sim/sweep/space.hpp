// A design space: axes with levels, and the points that constraints admit.
#pragma once
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "sim/sweep/evaluator.hpp"

namespace anzan::sim {

// One axis: at each level, what is set (several pointers where they are tied).
struct Axis {
  std::string name;              // its pointer, or the name of a tied group
  std::vector<Settings> levels;  // at least one
};

using Levels = std::vector<std::uint32_t>;  // of each axis

class Space {
 public:
  explicit Space(std::vector<Axis> axes, std::vector<std::string> constraints = {});
  const std::vector<Axis>& axes() const { return axes_; }
  double grid_points() const;  // before constraints; may be beyond any integer
  Settings settings(const Levels& levels) const;
  bool admits(const Levels& levels) const;  // constraints over axes alone

 private:
  std::vector<Axis> axes_;
  std::vector<std::string> constraints_;
};

}  // namespace anzan::sim
