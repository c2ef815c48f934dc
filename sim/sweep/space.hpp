// A design space: axes with levels, and the points that constraints admit.
#pragma once
#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "sim/sweep/evaluator.hpp"
#include "sim/sweep/expression.hpp"

namespace anzan::sim {

// One axis: at each level, what is set (several pointers where they are tied).
struct Axis {
  std::string name;              // what expressions and tables call it
  std::vector<Settings> levels;  // at least one
};

using Levels = std::vector<std::uint32_t>;  // of each axis

// The constraints of a space, by number, that no point meets together.
using Contradiction = std::vector<std::size_t>;

class Space {
 public:
  Space() = default;
  // `constraints` are over axes alone. Throws InputError, without a place, where one is no expression.
  explicit Space(std::vector<Axis> axes, const std::vector<std::string>& constraints = {});
  const std::vector<Axis>& axes() const { return axes_; }
  double grid_points() const;  // before constraints; may be beyond any integer
  Settings settings(const Levels& levels) const;
  bool admits(const Levels& levels) const;  // constraints over axes alone

  // A point as one number, less than grid_points(), if these are less than 2^63; and back.
  std::uint64_t number(const Levels& levels) const;
  Levels levels_of(std::uint64_t number) const;

  // Points that constraints admit; none if too many combinations would have to be looked at to know.
  std::optional<double> admitted_points() const;
  // Constraints that contradict each other, or themselves; none if there are none, or it takes too long.
  std::optional<Contradiction> contradiction() const;
  // Axes that constraints relate stand side by side: walk() then meets what they exclude early.
  std::vector<std::size_t> related_order() const;
  // Visits all points that constraints admit, the first axis of `order`, which has each once, slowest; until
  // `visit` returns false.
  void walk(const std::vector<std::size_t>& order, const std::function<bool(const Levels&)>& visit) const;

  // What expressions over axes may name: each axis, and each pointer that all levels of a tied axis set, by
  // its last token. Numbers are themselves, true and false 1 and 0; strings are texts; an axis that has other
  // or mixed values, or is tied, is the number of its level, from 0.
  const Vocabulary& vocabulary() const { return vocabulary_; }
  // Sets the first values, those of `vocabulary`.
  void set_values(const Levels& levels, std::vector<double>& values) const;

 private:
  class Walk;
  struct Quantity {  // a variable
    std::size_t axis;
    std::vector<double> of_level;
  };
  struct Constraint {
    Expression expression;
    std::vector<std::size_t> axes;  // ascending
  };
  void name(const std::string& name, std::size_t axis, const std::vector<nlohmann::json>& values);
  std::vector<std::vector<std::size_t>> groups() const;  // constraints that have axes in common

  std::vector<Axis> axes_;
  Vocabulary vocabulary_;
  std::vector<Quantity> quantities_;  // of each variable
  std::vector<Constraint> constraints_;
};

}  // namespace anzan::sim
