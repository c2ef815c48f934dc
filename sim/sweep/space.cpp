// Constraints are asked as soon as the axes that they name have their levels: what they exclude costs no
// time.
#include "sim/sweep/space.hpp"

#include <algorithm>
#include <limits>
#include <numeric>
#include <set>
#include <utility>

namespace anzan::sim {
namespace {

using Json = nlohmann::json;

constexpr std::uint64_t kMostLooks = 10'000'000;  // some seconds

bool are_all(const std::vector<Json>& values, bool (*is)(const Json&)) {
  return std::all_of(values.begin(), values.end(), is);
}

// The values of each pointer that every level sets.
std::map<std::string, std::vector<Json>> common_pointers(const Axis& axis) {
  std::map<std::string, std::vector<Json>> values;
  for (const Settings& level : axis.levels)
    for (const Override& change : level) values[change.pointer.to_string()].push_back(change.value);
  for (auto it = values.begin(); it != values.end();)
    it = it->second.size() < axis.levels.size() ? values.erase(it) : std::next(it);
  return values;
}

void merge(std::vector<std::size_t>& into, const std::vector<std::size_t>& more) {
  into.insert(into.end(), more.begin(), more.end());
  std::sort(into.begin(), into.end());
  into.erase(std::unique(into.begin(), into.end()), into.end());
}

bool meet(const std::vector<std::size_t>& a, const std::vector<std::size_t>& b) {
  return std::any_of(a.begin(), a.end(),
                     [&](std::size_t x) { return std::binary_search(b.begin(), b.end(), x); });
}

}  // namespace

// All combinations of some axes that some constraints admit.
class Space::Walk {
 public:
  Walk(const Space& space, std::vector<std::size_t> order, const std::vector<std::size_t>& constraints)
      : space_(space),
        order_(std::move(order)),
        due_(order_.size() + 1),
        levels_(space.axes_.size(), 0),
        values_(space.vocabulary_.variables.size(), 0),
        variables_(space.axes_.size()) {
    for (const std::size_t c : constraints) due_[depth_of(space.constraints_[c])].push_back(c);
    for (std::size_t v = 0; v < space.quantities_.size(); ++v)
      variables_[space.quantities_[v].axis].push_back(v);
  }

  // Whether all was seen: false where `visit` said so, or where `most` levels have been set.
  bool run(const std::function<bool(const Levels&)>& visit, std::uint64_t most) {
    left_ = most;
    return !hold(0) || descend(0, visit);
  }

 private:
  std::size_t depth_of(const Constraint& constraint) const {
    std::size_t depth = 0;
    for (const std::size_t axis : constraint.axes)
      depth = std::max(
          depth,
          static_cast<std::size_t>(std::find(order_.begin(), order_.end(), axis) - order_.begin()) + 1);
    return depth;
  }
  bool hold(std::size_t depth) const {
    return std::all_of(due_[depth].begin(), due_[depth].end(),
                       [&](std::size_t c) { return space_.constraints_[c].expression.holds(values_); });
  }
  bool descend(std::size_t depth, const std::function<bool(const Levels&)>& visit) {
    if (depth == order_.size()) return visit(levels_);
    const std::size_t axis = order_[depth];
    for (std::uint32_t level = 0; level < space_.axes_[axis].levels.size(); ++level) {
      if (left_-- == 0) return false;
      levels_[axis] = level;
      for (const std::size_t v : variables_[axis]) values_[v] = space_.quantities_[v].of_level[level];
      if (hold(depth + 1) && !descend(depth + 1, visit)) return false;
    }
    return true;
  }

  const Space& space_;
  std::vector<std::size_t> order_;
  std::vector<std::vector<std::size_t>>
      due_;  // constraints, once so many axes of the order have their levels
  Levels levels_;
  std::vector<double> values_;
  std::vector<std::vector<std::size_t>> variables_;  // of each axis
  std::uint64_t left_ = 0;
};

Space::Space(std::vector<Axis> axes, const std::vector<std::string>& constraints) : axes_(std::move(axes)) {
  std::map<std::string, int> taken;
  std::vector<std::map<std::string, std::vector<Json>>> pointers;
  std::vector<bool> tied;
  for (const Axis& axis : axes_) {
    pointers.push_back(common_pointers(axis));
    tied.push_back(
        pointers.back().size() != 1 ||
        std::any_of(axis.levels.begin(), axis.levels.end(), [](const Settings& s) { return s.size() != 1; }));
    ++taken[axis.name];
    if (!tied.back()) continue;
    for (const auto& [pointer, values] : pointers.back()) ++taken[Json::json_pointer(pointer).back()];
  }
  for (std::size_t a = 0; a < axes_.size(); ++a) {
    std::vector<Json> numbers(axes_[a].levels.size());
    std::iota(numbers.begin(), numbers.end(), 0);
    name(axes_[a].name, a, tied[a] ? numbers : pointers[a].begin()->second);
    if (!tied[a]) continue;
    for (const auto& [pointer, values] : pointers[a]) {
      const std::string last = Json::json_pointer(pointer).back();
      if (may_be_named(last) && taken[last] == 1) name(last, a, values);
    }
  }
  for (const std::string& text : constraints) {
    Constraint constraint{Expression(text, vocabulary_), {}};
    for (const std::size_t v : constraint.expression.names()) merge(constraint.axes, {quantities_[v].axis});
    constraints_.push_back(std::move(constraint));
  }
}

void Space::name(const std::string& name, std::size_t axis, const std::vector<Json>& values) {
  const bool texts = are_all(values, [](const Json& v) { return v.is_string(); });
  const bool numbers = are_all(values, [](const Json& v) { return v.is_number() || v.is_boolean(); });
  std::vector<double> of_level;
  for (const Json& value : values) {
    double number = static_cast<double>(of_level.size());
    if (texts)
      number =
          vocabulary_.texts.emplace(value.get<std::string>(), static_cast<double>(vocabulary_.texts.size()))
              .first->second;
    else if (numbers)
      number = value.is_boolean() ? static_cast<double>(value.get<bool>()) : value.get<double>();
    of_level.push_back(number);
  }
  vocabulary_.variables.push_back({name, texts});
  quantities_.push_back({axis, std::move(of_level)});
}

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

void Space::set_values(const Levels& levels, std::vector<double>& values) const {
  for (std::size_t v = 0; v < quantities_.size(); ++v)
    values[v] = quantities_[v].of_level[levels[quantities_[v].axis]];
}

bool Space::admits(const Levels& levels) const {
  if (constraints_.empty()) return true;
  std::vector<double> values(quantities_.size());
  set_values(levels, values);
  return std::all_of(constraints_.begin(), constraints_.end(),
                     [&](const Constraint& c) { return c.expression.holds(values); });
}

std::uint64_t Space::number(const Levels& levels) const {
  std::uint64_t number = 0;
  for (std::size_t a = 0; a < axes_.size(); ++a) number = number * axes_[a].levels.size() + levels[a];
  return number;
}

Levels Space::levels_of(std::uint64_t number) const {
  Levels levels(axes_.size());
  for (std::size_t a = axes_.size(); a-- > 0;) {
    levels[a] = static_cast<std::uint32_t>(number % axes_[a].levels.size());
    number /= axes_[a].levels.size();
  }
  return levels;
}

std::vector<std::vector<std::size_t>> Space::groups() const {
  std::vector<std::vector<std::size_t>> groups;
  std::vector<std::vector<std::size_t>> axes;
  for (std::size_t c = 0; c < constraints_.size(); ++c) {
    std::vector<std::size_t> group{c}, of_group = constraints_[c].axes;
    for (std::size_t g = groups.size(); g-- > 0;) {
      if (!meet(axes[g], of_group)) continue;
      merge(group, groups[g]);
      merge(of_group, axes[g]);
      groups.erase(groups.begin() + static_cast<std::ptrdiff_t>(g));
      axes.erase(axes.begin() + static_cast<std::ptrdiff_t>(g));
    }
    groups.push_back(std::move(group));
    axes.push_back(std::move(of_group));
  }
  return groups;
}

std::optional<double> Space::admitted_points() const {
  double points = 1;
  std::vector<bool> counted(axes_.size(), false);
  for (const std::vector<std::size_t>& group : groups()) {
    std::vector<std::size_t> axes;
    for (const std::size_t c : group) merge(axes, constraints_[c].axes);
    double of_group = 0;
    if (!Walk(*this, axes, group).run([&](const Levels&) { return ++of_group, true; }, kMostLooks))
      return std::nullopt;
    points *= of_group;
    for (const std::size_t axis : axes) counted[axis] = true;
  }
  for (std::size_t a = 0; a < axes_.size(); ++a)
    if (!counted[a]) points *= static_cast<double>(axes_[a].levels.size());
  return points;
}

std::optional<Contradiction> Space::contradiction() const {
  std::vector<std::vector<std::size_t>> suspects;
  for (std::size_t c = 0; c < constraints_.size(); ++c) suspects.push_back({c});
  const std::vector<std::vector<std::size_t>> together = groups();
  suspects.insert(suspects.end(), together.begin(), together.end());
  for (const std::vector<std::size_t>& group : suspects) {
    std::vector<std::size_t> axes;
    for (const std::size_t c : group) merge(axes, constraints_[c].axes);
    if (Walk(*this, axes, group).run([](const Levels&) { return false; }, kMostLooks)) return group;
  }
  return std::nullopt;
}

std::vector<std::size_t> Space::related_order() const {
  std::vector<std::size_t> order;
  const auto add = [&](std::size_t axis) {
    if (std::find(order.begin(), order.end(), axis) == order.end()) order.push_back(axis);
  };
  for (const std::vector<std::size_t>& group : groups())
    for (const std::size_t c : group)
      std::for_each(constraints_[c].axes.begin(), constraints_[c].axes.end(), add);
  for (std::size_t a = 0; a < axes_.size(); ++a) add(a);
  return order;
}

void Space::walk(const std::vector<std::size_t>& order,
                 const std::function<bool(const Levels&)>& visit) const {
  std::vector<std::size_t> all(constraints_.size());
  std::iota(all.begin(), all.end(), std::size_t{0});
  Walk(*this, order, all).run(visit, std::numeric_limits<std::uint64_t>::max());
}

}  // namespace anzan::sim
