// A figure that is missing is no number: no constraint over it holds.
#include "sim/sweep/judge.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace anzan::sim {
namespace {

std::optional<double> number_at(const nlohmann::json& result, const nlohmann::json::json_pointer& pointer) {
  if (!result.contains(pointer)) return std::nullopt;
  const nlohmann::json& value = result.at(pointer);
  if (value.is_boolean()) return value.get<bool>() ? 1 : 0;
  if (!value.is_number()) return std::nullopt;
  return value.get<double>();
}

}  // namespace

Vocabulary result_vocabulary(const Space& space, const std::vector<Figure>& figures) {
  Vocabulary vocabulary = space.vocabulary();
  for (const Figure& figure : figures)
    if (figure.pointer) vocabulary.variables.push_back({figure.name, false});
  return vocabulary;
}

Judge::Judge(const SweepFile& sweep) : sweep_(sweep) {
  const Vocabulary vocabulary = result_vocabulary(sweep.space, sweep.figures);
  for (const Figure& figure : sweep.figures)
    if (!figure.pointer) figures_.emplace_back(figure.expression, vocabulary);
  for (const std::string& text : sweep.result_constraints) constraints_.emplace_back(text, vocabulary);
}

Judgement Judge::operator()(const Levels& levels, const Outcome& outcome) const {
  Judgement judgement;
  std::vector<double> values(sweep_.space.vocabulary().variables.size());
  sweep_.space.set_values(levels, values);
  std::size_t expressions = 0;
  for (const Figure& figure : sweep_.figures) {
    if (figure.pointer) {
      judgement.figures.push_back(number_at(outcome.result, *figure.pointer));
      values.push_back(judgement.figures.back().value_or(std::numeric_limits<double>::quiet_NaN()));
    } else {
      const double value = figures_[expressions++](values);
      judgement.figures.push_back(std::isnan(value) ? std::nullopt : std::optional(value));
    }
  }
  judgement.meets = outcome.kind == OutcomeKind::kDone &&
                    std::all_of(constraints_.begin(), constraints_.end(),
                                [&](const Expression& constraint) { return constraint.holds(values); });
  if (!judgement.meets) return judgement;
  Objectives objectives;
  for (const Objective& objective : sweep_.objectives) {
    const std::optional<double> value = judgement.figures[objective.figure];
    if (!value || !std::isfinite(*value)) return judgement;
    objectives.push_back(objective.maximise ? -*value : *value);
  }
  judgement.objectives = std::move(objectives);
  return judgement;
}

}  // namespace anzan::sim
