// Points go to workers by their programs; the parent alone writes, as often as something has come.
#include "sim/sweep/sweep_run.hpp"

#include <algorithm>
#include <numeric>
#include <set>
#include <thread>

#include "compiler/input/input_error.hpp"
#include "sim/host/version.hpp"

namespace anzan::sim {
namespace {

using Json = nlohmann::json;
namespace fs = std::filesystem;

Json value_of(const Settings& level) {
  if (level.size() == 1) return level.front().value;
  Json values = Json::object();
  for (const Override& change : level) values[change.pointer.to_string()] = change.value;
  return values;
}

Json axes_of(const Space& space) {
  Json axes = Json::array();
  for (const Axis& axis : space.axes()) {
    Json levels = Json::array();
    for (const Settings& level : axis.levels) levels.push_back(value_of(level));
    axes.push_back({{"name", axis.name}, {"levels", std::move(levels)}});
  }
  return axes;
}

// Levels of an axis that are looked at to know it: some of its range, and those that may name files.
std::set<std::size_t> probed_levels(const Axis& axis) {
  constexpr std::size_t kMostTexts = 64, kPieces = 3;
  std::set<std::size_t> levels;
  for (std::size_t i = 0; i <= kPieces; ++i) levels.insert(i * (axis.levels.size() - 1) / kPieces);
  for (std::size_t l = 0; l < std::min(axis.levels.size(), kMostTexts); ++l) {
    const Settings& level = axis.levels[l];
    if (std::any_of(level.begin(), level.end(),
                    [](const Override& o) { return !o.value.is_primitive() || o.value.is_string(); }))
      levels.insert(l);
  }
  return levels;
}

constexpr std::size_t kHeavyBytes = 200;  // of a row, which has some hundred

std::size_t change_bytes(const Json& base, const Json& effective) {
  PointRecord record;
  set_configuration(record, 1, base, effective);
  return record.configuration.dump().size();
}

Pointers pointers_of(const SweepFile& sweep) {
  Pointers pointers;
  for (const Figure& figure : sweep.figures) {
    if (figure.pointer) pointers.push_back(*figure.pointer);
  }
  return pointers;
}

}  // namespace

SweepRun::SweepRun(const SweepFile& sweep, const std::string& text, SweepOptions options)
    : sweep_(sweep),
      options_(std::move(options)),
      judge_(sweep_),
      store_(options_.store, program_version(), options_.access),
      evaluator_(sweep_.base, sweep_.base_directory),
      workers_(
          options_.workers, [this] { store_.close(); },
          [this] {
            return [worker = std::make_shared<PointWorker>(points_)](const Json& task) {
              return (*worker)(task);
            };
          }) {
  points_.sweep = &sweep_;
  points_.evaluator = &evaluator_;
  points_.store = store_.file();
  points_.pointers = pointers_of(sweep_);
  points_.retry = options_.retry;
  if (sweep_.measurement == Measurement::kTraining &&
      !sweep_.base.contains(Json::json_pointer("/engine/threads")))
    points_.threads = std::max(1, static_cast<int>(std::thread::hardware_concurrency()) / options_.workers);
  register_sweep(text, probe());
}

SweepRun::~SweepRun() = default;

// Which axes programs depend on, and keys that change when files do that levels name.
Json SweepRun::probe() {
  const auto check = [&](const Settings& settings) -> std::optional<CheckedPoint> {
    try {
      return evaluator_.check(settings);
    } catch (const compiler::InputError&) {
      return std::nullopt;  // alone; with others it may do
    }
  };
  std::optional<CheckedPoint> base = check({});
  if (!base) base = check(sweep_.space.settings(Levels(sweep_.space.axes().size(), 0)));
  if (base) points_.base = base->effective;
  Json keys = {base ? base->key : ""};
  for (std::size_t a = 0; a < sweep_.space.axes().size(); ++a) {
    const Axis& axis = sweep_.space.axes()[a];
    std::set<std::string> programs;
    bool heavy = false;
    for (const std::size_t level : probed_levels(axis)) {
      const std::optional<CheckedPoint> point = check(axis.levels[level]);
      keys.push_back(point ? point->key : "");
      programs.insert(point ? point->program_key : std::to_string(level));
      heavy = heavy || (point && change_bytes(points_.base, point->effective) > kHeavyBytes);
    }
    if (heavy) points_.heavy_axes.push_back(a);
    if (programs.size() > 1) program_axes_.push_back(a);
  }
  return keys;
}

void SweepRun::register_sweep(const std::string& text, const Json& keys) {
  SweepRecord record;
  record.name = sweep_.name;
  record.file = text;
  record.axes = axes_of(sweep_.space);
  record.measurement = sweep_.measurement;
  Json settings = Json::array();  // with every pointer, which `axes` may leave to a name
  for (const Axis& axis : sweep_.space.axes())
    for (const Settings& level : axis.levels)
      for (const Override& change : level) settings.push_back({change.pointer.to_string(), change.value});
  record.source = {sweep_.base, fs::weakly_canonical(sweep_.base_directory).string(), record.axes,
                   std::move(settings), keys};
  store_.write([&] {
    if (!points_.base.is_null()) record.base = store_.put_base(points_.base);
    id_ = store_.put_sweep(record);
  });
}

bool SweepRun::guarded_run(models::Watch watch, const std::function<bool()>& stop,
                           const std::function<void()>& work) {
  watch_ = watch;
  stop_ = stop;
  try {
    work();
  } catch (const Stopped&) {
    return false;
  }
  return true;
}

bool SweepRun::run(models::Watch watch, const std::function<bool()>& stop) {
  expected_ = static_cast<std::int64_t>(requests(sweep_));
  const bool done = guarded_run(watch, stop, [&] {
    if (options_.elsewhere && !looks_at_results(sweep_)) {  // all at once
      std::vector<Request> all;
      sample(sweep_, [&](const std::vector<Request>& some) {
        all.insert(all.end(), some.begin(), some.end());
        return Answers(some.size());
      });
      evaluate(all);
    } else {
      sample(sweep_, [this](const std::vector<Request>& some) { return evaluate(some); });
    }
  });
  if (done && !options_.keep_runs) remove_runs();
  return done;
}

bool SweepRun::run_points(const std::vector<Request>& points, models::Watch watch,
                          const std::function<bool()>& stop) {
  expected_ = static_cast<std::int64_t>(points.size());
  return guarded_run(watch, stop, [&] { evaluate(points); });
}

bool SweepRun::joined(const Request& a, const Request& b) const {
  return std::all_of(program_axes_.begin(), program_axes_.end(),
                     [&](std::size_t axis) { return a.levels[axis] == b.levels[axis]; });
}

// In the order in which they are done; those with one program side by side.
std::vector<const Request*> SweepRun::in_order(const std::vector<Request>& requests) const {
  std::vector<const Request*> order;
  for (const Request& request : requests) order.push_back(&request);
  std::stable_sort(order.begin(), order.end(), [&](const Request* a, const Request* b) {
    for (const std::size_t axis : program_axes_) {
      if (a->levels[axis] != b->levels[axis]) return a->levels[axis] < b->levels[axis];
    }
    return false;
  });
  return order;
}

std::optional<StoredPoint> SweepRun::find(const Request& request) {
  std::optional<StoredPoint> point = store_.find_in_sweep(id_, request.levels, request.steps);
  if (point && !points_.is_known(*point)) point.reset();
  return point;
}

bool SweepRun::has(const Request& point) { return find(point).has_value(); }

void SweepRun::fail(const std::vector<const Request*>& points, const std::string& message) {
  store_.write([&] {
    for (const Request* const request : points)
      store_.put_in_sweep(
          id_, request->levels, request->steps,
          store_.put_point(record_without_key(points_, *request, OutcomeKind::kFailed, message)));
  });
}

SweepRun::Answers SweepRun::evaluate(const std::vector<Request>& requests) {
  Answers answers(requests.size());
  std::vector<const Request*> unknown;
  constexpr std::int64_t kOften = 256;
  std::int64_t looked = 0;
  for (const Request* const request : in_order(requests)) {
    if (++looked % kOften == 0 && stop_()) throw Stopped();
    if (const std::optional<StoredPoint> point = find(*request))
      answers[static_cast<std::size_t>(request - requests.data())] = take(*request, *point, true);
    else
      unknown.push_back(request);
  }
  if (unknown.empty()) return answers;
  if (!begun_) {
    watch_.begin("points",
                 std::max<std::int64_t>(expected_ - counts_.done - counts_.refused - counts_.failed, 1));
    begun_ = true;
  }
  if (options_.elsewhere)
    run_elsewhere(unknown, requests, answers);
  else
    run_all(unknown, requests, answers);
  return answers;
}

void SweepRun::run_elsewhere(const std::vector<const Request*>& requests, const std::vector<Request>& all,
                             Answers& answers) {
  if (!options_.elsewhere(*this, requests)) throw Stopped();
  for (const Request* const request : requests) {
    const std::optional<StoredPoint> point = store_.find_in_sweep(id_, request->levels, request->steps);
    if (!point) throw std::logic_error("a point that was to be done elsewhere is not in the store");
    answers[static_cast<std::size_t>(request - all.data())] = take(*request, *point, false);
  }
}

void SweepRun::run_all(const std::vector<const Request*>& requests, const std::vector<Request>& all,
                       Answers& answers) {
  Tasks tasks;
  tasks.count = requests.size();
  tasks.task = [&](std::size_t i) { return task_of(*requests[i], base_number(requests[i]->levels)); };
  tasks.joined = [&](std::size_t i) { return i > 0 && joined(*requests[i - 1], *requests[i]); };
  tasks.stop = stop_;
  tasks.ended = [&](std::vector<TaskEnd> ended) {
    std::vector<std::pair<std::int64_t, StoredPoint>> points;
    store_.write([&] {
      for (TaskEnd& end : ended) points.push_back(put(*requests[end.task], end));
    });
    for (std::size_t i = 0; i < ended.size(); ++i) {
      const Request& request = *requests[ended[i].task];
      answers[static_cast<std::size_t>(&request - all.data())] =
          take(request, points[i].second, ended[i].answer.is_number());
    }
  };
  if (!workers_.run(tasks)) throw Stopped();
}

// None where there is no base.
std::optional<std::int64_t> SweepRun::base_number(const Levels& levels) {
  if (points_.base.is_null()) return std::nullopt;
  const Levels heavy = points_.heavy_levels(levels);
  const auto found = bases_.find(heavy);
  if (found != bases_.end()) return found->second;
  const Json base = points_.base_of(levels);
  store_.write([&] { bases_[heavy] = store_.put_base(base); });
  return bases_[heavy];
}

// Row and point of what a worker has said, or of its silence.
std::pair<std::int64_t, StoredPoint> SweepRun::put(const Request& request, TaskEnd& end) {
  PointAnswer answer;
  if (end.death.empty())
    answer = answer_of(end.answer);
  else
    answer.record = record_without_key(points_, request, OutcomeKind::kFailed, end.death + ", twice");
  answer.record.name.measurement = sweep_.measurement;
  const std::int64_t point = answer.known ? *answer.known : store_.put_point(answer.record);
  store_.put_in_sweep(id_, request.levels, request.steps, point);
  return {point, answer.known ? store_.read(point) : std::move(answer.record.point)};
}

std::optional<Objectives> SweepRun::take(const Request& request, const StoredPoint& point, bool known) {
  ++(point.kind == OutcomeKind::kDone      ? counts_.done
     : point.kind == OutcomeKind::kRefused ? counts_.refused
                                           : counts_.failed);
  if (known) ++counts_.known;
  if (begun_ && !options_.elsewhere) watch_.done();
  return judge_(request.levels, outcome_of(sweep_, point)).objectives;
}

Outcome SweepRun::outcome_of(const SweepFile& sweep, const StoredPoint& point) {
  Outcome outcome;
  outcome.kind = point.kind;
  outcome.message = point.message;
  outcome.result = Json::object();
  if (point.kind != OutcomeKind::kDone) return outcome;
  for (const Figure& figure : sweep.figures) {
    if (!figure.pointer) continue;
    if (const std::optional<double> value = point.figures.at(*figure.pointer))
      outcome.result[*figure.pointer] = *value;
  }
  return outcome;
}

void SweepRun::remove_runs() {
  const fs::path runs = runs_directory(store_.file());
  if (!fs::exists(runs)) return;
  for (const std::string& key : store_.keys_of_sweep(id_)) remove_run(runs / key);
  std::error_code error;
  fs::remove(runs, error);  // if it is empty
}

}  // namespace anzan::sim
