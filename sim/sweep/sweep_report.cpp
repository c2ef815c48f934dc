// Reads the store once a question.
#include "sim/sweep/sweep_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "sim/sweep/pareto.hpp"

namespace anzan::sim {
namespace {

using Json = nlohmann::json;

// Points that meet the constraints: where they stand in the sweep, and what they are worth.
struct Solutions {
  struct Place {
    std::string levels;
    std::int64_t steps;
  };
  std::vector<Place> places;
  std::vector<Objectives> objectives;

  void add(std::string levels, std::int64_t steps, Objectives worth) {
    places.push_back({std::move(levels), steps});
    objectives.push_back(std::move(worth));
  }
};

// Columns of the objectives, where these are all that decides; none where expressions do, too.
std::optional<std::vector<const FigureColumn*>> deciding_columns(const SweepFile& sweep) {
  if (!sweep.result_constraints.empty()) return std::nullopt;
  std::vector<const FigureColumn*> columns;
  for (const Objective& objective : sweep.objectives) {
    const Figure& figure = sweep.figures[objective.figure];
    columns.push_back(figure.pointer ? column_of(figure.pointer->to_string()) : nullptr);
    if (columns.back() == nullptr) return std::nullopt;
  }
  return columns;
}

Solutions solutions(SweepRun& run) {
  const SweepFile& sweep = run.sweep();
  Solutions all;
  if (const auto columns = deciding_columns(sweep)) {
    run.store().each_number(run.id(), *columns,
                            [&](const char* levels, std::int64_t steps, const std::vector<double>& numbers) {
                              Objectives objectives = numbers;
                              for (std::size_t o = 0; o < numbers.size(); ++o) {
                                if (!std::isfinite(numbers[o])) return;
                                if (sweep.objectives[o].maximise) objectives[o] = -objectives[o];
                              }
                              all.add(levels, steps, std::move(objectives));
                            });
    return all;
  }
  const Judge judge(sweep);
  run.store().each_of_sweep(run.id(), [&](const char* text, std::int64_t steps, const StoredPoint& point) {
    Judgement judgement = judge(run.store().levels_of(text, sweep.space), SweepRun::outcome_of(sweep, point));
    if (judgement.objectives) all.add(text, steps, std::move(*judgement.objectives));
  });
  return all;
}

// Those that are compared with each other: of trainings, those that went furthest.
Solutions compared(Solutions all) {
  const auto further = [](const Solutions::Place& a, const Solutions::Place& b) {
    return a.steps != 0 && (b.steps == 0 || a.steps < b.steps);
  };
  const auto furthest = std::max_element(all.places.begin(), all.places.end(), further);
  if (furthest == all.places.end()) return all;
  const auto is_short = [&](const Solutions::Place& place) { return place.steps != furthest->steps; };
  if (std::none_of(all.places.begin(), all.places.end(), is_short)) return all;
  Solutions long_ones;
  for (std::size_t i = 0; i < all.places.size(); ++i) {
    if (!is_short(all.places[i])) long_ones.add(all.places[i].levels, all.places[i].steps, all.objectives[i]);
  }
  return long_ones;
}

std::string number_text(const std::optional<double>& value) {
  return value ? fmt::format("{:.6g}", *value) : "-";
}

std::string level_text(const Settings& level) {
  std::vector<std::string> texts;
  for (const Override& change : level)
    texts.push_back(change.value.is_string() ? change.value.get<std::string>() : change.value.dump());
  return fmt::format("{}", fmt::join(texts, " "));
}

class Report {
 public:
  explicit Report(SweepRun& run)
      : run_(run), sweep_(run.sweep()), judge_(run.sweep()), all_(compared(solutions(run))) {}

  std::string text() const {
    if (sweep_.objectives.empty() || all_.places.empty()) return "";
    std::string text;
    for (std::size_t o = 0; o < sweep_.objectives.size(); ++o) text += best(o);
    return sweep_.objectives.size() > 1 ? text + front() : text;
  }

 private:
  // What is said of a point: a text for each axis, then for each figure.
  std::vector<std::string> texts(std::size_t point) const {
    const Solutions::Place& place = all_.places[point];
    const Levels levels = run_.store().levels_of(place.levels, sweep_.space);
    std::vector<std::string> texts;
    for (std::size_t a = 0; a < levels.size(); ++a)
      texts.push_back(level_text(sweep_.space.axes()[a].levels[levels[a]]));
    const std::optional<StoredPoint> stored = run_.store().find_in_sweep(run_.id(), levels, place.steps);
    if (!stored) fail_with_store(run_.store().file(), StoreDamage("figures of a point that is not there"));
    for (const std::optional<double>& figure : judge_(levels, SweepRun::outcome_of(sweep_, *stored)).figures)
      texts.push_back(number_text(figure));
    return texts;
  }

  std::string best(std::size_t objective) const {
    const auto least = std::min_element(
        all_.objectives.begin(), all_.objectives.end(),
        [&](const Objectives& a, const Objectives& b) { return a[objective] < b[objective]; });
    const Objective& o = sweep_.objectives[objective];
    const std::vector<std::string> all = texts(static_cast<std::size_t>(least - all_.objectives.begin()));
    std::vector<std::string> axes;
    for (std::size_t a = 0; a < sweep_.space.axes().size(); ++a)
      axes.push_back(sweep_.space.axes()[a].name + " " + all[a]);
    return fmt::format("{} {}: {} ({})\n", o.maximise ? "most" : "least", sweep_.figures[o.figure].name,
                       all[axes.size() + o.figure], fmt::join(axes, ", "));
  }

  std::string front() const {
    std::vector<std::size_t> front = pareto_front(all_.objectives);
    std::stable_sort(front.begin(), front.end(),
                     [&](std::size_t a, std::size_t b) { return all_.objectives[a] < all_.objectives[b]; });
    const std::size_t in_front = front.size();
    front.erase(
        std::unique(front.begin(), front.end(),
                    [&](std::size_t a, std::size_t b) { return all_.objectives[a] == all_.objectives[b]; }),
        front.end());
    constexpr std::size_t kMostRows = 50;
    std::vector<std::string> head;
    for (const Axis& axis : sweep_.space.axes()) head.push_back(axis.name);
    for (const Figure& figure : sweep_.figures) head.push_back(figure.name);
    TextTable table(head);
    for (std::size_t i = 0; i < std::min(front.size(), kMostRows); ++i) table.add(texts(front[i]));
    const std::string more =
        front.size() > kMostRows ? fmt::format("… and {} more\n", front.size() - kMostRows) : "";
    const std::string alike =
        in_front > front.size() ? fmt::format(", of which {} differ in objectives", front.size()) : "";
    return fmt::format("front: {} of {} points{}\n{}{}", in_front, all_.places.size(), alike, table.text(),
                       more);
  }

  SweepRun& run_;
  const SweepFile& sweep_;
  Judge judge_;
  Solutions all_;
};

}  // namespace

std::string counts_text(const SweepCounts& c) {
  std::string text = fmt::format("{} points: {} done", c.done + c.refused + c.failed, c.done);
  if (c.refused > 0) text += fmt::format(", {} refused", c.refused);
  if (c.failed > 0) text += fmt::format(", {} failed", c.failed);
  return text + (c.known > 0 ? fmt::format("; {} of them were in the store\n", c.known) : "\n");
}

std::string TextTable::text() const {
  std::vector<std::size_t> widths(rows_.front().size());
  for (const auto& row : rows_)
    for (std::size_t c = 0; c < row.size(); ++c) widths[c] = std::max(widths[c], row[c].size());
  std::string text;
  for (const auto& row : rows_) {
    std::string line;
    for (std::size_t c = 0; c < row.size(); ++c)
      line += fmt::format("{}{:>{}}", c > 0 ? "  " : "", row[c], widths[c]);
    text += line + "\n";
  }
  return text;
}

std::string csv_field(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string field = "\"";
  for (const char c : text) field += c == '"' ? std::string("\"\"") : std::string(1, c);
  return field + "\"";
}

std::string text_of_cell(const Json& value) {
  if (value.is_null()) return "";
  if (value.is_number_float()) return fmt::format("{}", value.get<double>());
  return value.is_string() ? value.get<std::string>() : value.dump();
}

std::string sweep_summary(SweepRun& run) { return counts_text(run.counts()) + Report(run).text(); }

std::string sweep_csv(SweepRun& run) {
  const SweepFile& sweep = run.sweep();
  std::vector<std::string> head;
  for (const Axis& axis : sweep.space.axes()) head.push_back(csv_field(axis.name));
  for (const char* name : {"steps", "status"}) head.emplace_back(name);
  for (const Figure& figure : sweep.figures) head.push_back(csv_field(figure.name));
  for (const FigureColumn& c : figure_columns()) {
    if (std::find(head.begin(), head.end(), c.name) == head.end()) head.emplace_back(c.name);
  }
  const std::size_t figures = sweep.space.axes().size() + 2 + sweep.figures.size();
  std::string csv = fmt::format("{},meets,message\n", fmt::join(head, ","));
  const Judge judge(sweep);
  const auto cell = [](const std::optional<double>& value) { return value ? fmt::format("{}", *value) : ""; };
  run.store().each_of_sweep(run.id(), [&](const char* text, std::int64_t steps, const StoredPoint& point) {
    const Levels levels = run.store().levels_of(text, sweep.space);
    const Judgement judgement = judge(levels, SweepRun::outcome_of(sweep, point));
    std::vector<std::string> row;
    for (std::size_t a = 0; a < levels.size(); ++a)
      row.push_back(csv_field(level_text(sweep.space.axes()[a].levels.at(levels[a]))));
    row.push_back(std::to_string(steps));
    row.emplace_back(status_name(point.kind));
    for (const auto& figure : judgement.figures)
      row.push_back(point.kind == OutcomeKind::kDone ? cell(figure) : "");
    for (std::size_t c = 0, column = figures; c < figure_columns().size(); ++c) {
      if (column == head.size() || head[column] != figure_columns()[c].name) continue;
      row.push_back(point.kind == OutcomeKind::kDone ? cell(point.figures.columns.at(c)) : "");
      ++column;
    }
    csv += fmt::format("{},{},{}\n", fmt::join(row, ","), judgement.meets ? 1 : 0, csv_field(point.message));
  });
  return csv;
}

}  // namespace anzan::sim
