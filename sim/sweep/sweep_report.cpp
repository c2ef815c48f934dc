// Reads the store once a question.
#include "sim/sweep/sweep_report.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "sim/sweep/pareto.hpp"

namespace anzan::sim {
namespace {

using Json = nlohmann::json;

struct ReportedPoint {
  Levels levels;
  std::int64_t steps = 0;
  Judgement judgement;
};

// Those that are compared with each other: with objectives, and of trainings those that went furthest.
std::vector<ReportedPoint> compared_points(SweepRun& run) {
  const Judge judge(run.sweep());
  std::vector<ReportedPoint> points;
  bool whole = false;
  run.store().each_of_sweep(run.id(),
                            [&](const Levels& levels, std::int64_t steps, const StoredPoint& point) {
                              Judgement judgement = judge(levels, SweepRun::outcome_of(run.sweep(), point));
                              if (!judgement.objectives) return;
                              whole = whole || steps == 0;
                              points.push_back({levels, steps, std::move(judgement)});
                            });
  std::int64_t most = 0;
  for (const ReportedPoint& p : points) most = std::max(most, p.steps);
  const std::int64_t compared = whole ? 0 : most;
  points.erase(std::remove_if(points.begin(), points.end(),
                              [&](const ReportedPoint& p) { return p.steps != compared; }),
               points.end());
  return points;
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
  explicit Report(SweepRun& run) : sweep_(run.sweep()), points_(compared_points(run)) {}

  std::string text() const {
    if (sweep_.objectives.empty() || points_.empty()) return "";
    std::string text;
    for (std::size_t o = 0; o < sweep_.objectives.size(); ++o) text += best(o);
    return sweep_.objectives.size() > 1 ? text + front() : text;
  }

 private:
  std::string best(std::size_t objective) const {
    const auto& p = *std::min_element(points_.begin(), points_.end(), [&](const auto& a, const auto& b) {
      return (*a.judgement.objectives)[objective] < (*b.judgement.objectives)[objective];
    });
    const Objective& o = sweep_.objectives[objective];
    std::vector<std::string> axes;
    for (std::size_t a = 0; a < p.levels.size(); ++a)
      axes.push_back(sweep_.space.axes()[a].name + " " +
                     level_text(sweep_.space.axes()[a].levels[p.levels[a]]));
    return fmt::format("{} {}: {} ({})\n", o.maximise ? "most" : "least", sweep_.figures[o.figure].name,
                       number_text(p.judgement.figures[o.figure]), fmt::join(axes, ", "));
  }

  std::string front() const {
    std::vector<Objectives> objectives;
    for (const ReportedPoint& p : points_) objectives.push_back(*p.judgement.objectives);
    std::vector<std::size_t> front = pareto_front(objectives);
    std::stable_sort(front.begin(), front.end(),
                     [&](std::size_t a, std::size_t b) { return objectives[a] < objectives[b]; });
    constexpr std::size_t kMostRows = 50;
    std::vector<std::string> head;
    for (const Axis& axis : sweep_.space.axes()) head.push_back(axis.name);
    for (const Figure& figure : sweep_.figures) head.push_back(figure.name);
    TextTable table(head);
    for (std::size_t i = 0; i < std::min(front.size(), kMostRows); ++i) {
      const ReportedPoint& p = points_[front[i]];
      std::vector<std::string> row;
      for (std::size_t a = 0; a < p.levels.size(); ++a)
        row.push_back(level_text(sweep_.space.axes()[a].levels[p.levels[a]]));
      for (const std::optional<double>& figure : p.judgement.figures) row.push_back(number_text(figure));
      table.add(std::move(row));
    }
    const std::string more =
        front.size() > kMostRows ? fmt::format("… and {} more\n", front.size() - kMostRows) : "";
    return fmt::format("front: {} of {} points\n{}{}", front.size(), points_.size(), table.text(), more);
  }

  const SweepFile& sweep_;
  std::vector<ReportedPoint> points_;
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
  run.store().each_of_sweep(run.id(), [&](const Levels& levels, std::int64_t steps,
                                          const StoredPoint& point) {
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
