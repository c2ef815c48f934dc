// Two workers that want to train one point take turns at its directory; the second finds it known.
#include "sim/sweep/point_worker.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <system_error>
#include <utility>

#include "compiler/input/input_error.hpp"
#include "sim/host/sha256.hpp"
#include "sim/host/version.hpp"

namespace anzan::sim {
namespace {

using Json = nlohmann::json;
using Clock = std::chrono::steady_clock;
namespace fs = std::filesystem;

std::string host_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "unknown";
}

}  // namespace

Json json_of(const Request& request) {
  Json json{request.steps};
  for (const std::uint32_t level : request.levels) json.push_back(level);
  return json;
}

Request request_of(const Json& json) {
  Request request;
  request.steps = json.at(0).get<std::int64_t>();
  request.levels.assign(json.begin() + 1, json.end());
  return request;
}

namespace {

Json json_of(const PointRecord& r) {
  return {{"key", r.name.key},
          {"steps", r.name.steps},
          {"kind", static_cast<int>(r.point.kind)},
          {"message", r.point.message},
          {"figures", r.point.figures},
          {"wall_seconds", r.point.wall_seconds},
          {"cpu_seconds", r.point.cpu_seconds},
          {"host", r.host},
          {"base", r.base ? Json(*r.base) : Json(nullptr)},
          {"configuration", r.configuration}};
}

PointRecord record_of(const Json& json) {
  PointRecord r;
  r.name.key = json.at("key").get<std::string>();
  r.name.steps = json.at("steps").get<std::int64_t>();
  r.point.kind = static_cast<OutcomeKind>(json.at("kind").get<int>());
  r.point.message = json.at("message").get<std::string>();
  r.point.figures = json.at("figures").get<Figures>();
  r.point.wall_seconds = json.at("wall_seconds").get<double>();
  r.point.cpu_seconds = json.at("cpu_seconds").get<double>();
  r.host = json.at("host").get<std::string>();
  if (!json.at("base").is_null()) r.base = json.at("base").get<std::int64_t>();
  r.configuration = json.at("configuration");
  return r;
}

// A directory that is locked as long as this lives, and not removed meanwhile.
class RunLock {
 public:
  // `wait`: until nobody has it.
  RunLock(const fs::path& directory, bool wait) {
    while (true) {
      descriptor_ = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
      if (descriptor_ < 0) return;
      if (::flock(descriptor_, wait ? LOCK_EX : LOCK_EX | LOCK_NB) != 0) {
        release();
        return;
      }
      struct stat here {
      }, there{};
      ::fstat(descriptor_, &here);
      if (::stat(directory.c_str(), &there) == 0 && here.st_ino == there.st_ino) return;
      release();
      if (!wait) return;
      fs::create_directories(directory);
    }
  }
  ~RunLock() { release(); }
  RunLock(const RunLock&) = delete;
  RunLock& operator=(const RunLock&) = delete;
  bool locked() const { return descriptor_ >= 0; }

 private:
  void release() {
    if (descriptor_ >= 0) ::close(descriptor_);
    descriptor_ = -1;
  }
  int descriptor_ = -1;
};

constexpr std::size_t kMostRecent = 256;

}  // namespace

bool PointSurroundings::is_known(const StoredPoint& point) const {
  if (point.kind == OutcomeKind::kFailed && retry) return false;
  return point.kind != OutcomeKind::kDone || point.figures.has(pointers);
}

Settings PointSurroundings::settings_of(const Levels& levels) const {
  Settings settings = sweep->space.settings(levels);
  if (threads) settings.insert(settings.begin(), {Json::json_pointer("/engine/threads"), *threads});
  return settings;
}

Levels PointSurroundings::heavy_levels(const Levels& levels) const {
  Levels heavy;
  for (const std::size_t axis : heavy_axes) heavy.push_back(levels[axis]);
  return heavy;
}

Json PointSurroundings::base_of(const Levels& levels) const {
  Settings settings;
  for (const std::size_t axis : heavy_axes) {
    const Settings& level = sweep->space.axes()[axis].levels.at(levels[axis]);
    settings.insert(settings.end(), level.begin(), level.end());
  }
  try {
    return settings.empty() ? base : evaluator->check(settings).effective;
  } catch (const compiler::InputError&) {
    return base;  // without the other axes they may be nothing
  }
}

Json task_of(const Request& request, std::optional<std::int64_t> base) {
  return {base ? Json(*base) : Json(nullptr), json_of(request)};
}

PointAnswer answer_of(const Json& answer) {
  PointAnswer found;
  if (answer.is_array())
    throw compiler::InputError(answer.at(0).get<std::string>(), answer.at(1).get<std::string>(),
                               answer.at(2).get<std::string>());
  if (answer.is_number())
    found.known = answer.get<std::int64_t>();
  else
    found.record = record_of(answer);
  return found;
}

PointRecord record_without_key(const PointSurroundings& all, const Request& request, OutcomeKind kind,
                               const std::string& message) {
  Json what = {"unchecked", all.sweep->base, fs::weakly_canonical(all.sweep->base_directory).string()};
  for (const Override& change : all.sweep->space.settings(request.levels))
    what.push_back({change.pointer.to_string(), change.value});
  const std::string text = what.dump();
  PointRecord record;
  record.name = {Sha256::of(text.data(), text.size()), all.sweep->measurement, request.steps};
  record.point.kind = kind;
  record.point.message = message;
  record.host = host_name();
  return record;
}

fs::path runs_directory(const fs::path& store) { return store.string() + ".runs"; }

fs::path run_directory(const fs::path& store, const std::string& key) { return runs_directory(store) / key; }

void remove_run(const fs::path& directory) {
  const RunLock lock(directory, /*wait=*/false);
  std::error_code error;  // what cannot be removed stays
  if (lock.locked()) fs::remove_all(directory, error);
}

std::optional<std::int64_t> PointWorker::find(const PointName& name) {
  if (!store_) store_ = std::make_unique<Store>(all_.store, program_version(), StoreAccess::kRead);
  const std::optional<std::int64_t> id = store_->find(name);
  return id && all_.is_known(store_->read(*id)) ? id : std::nullopt;
}

// What is wrong with the store is the whole sweep's business.
Json PointWorker::operator()(const Json& task) {
  try {
    return answer(task);
  } catch (const compiler::InputError& error) {
    const compiler::InputFinding& first = error.findings().front();
    return {first.place, first.found, first.expected};
  }
}

Json PointWorker::answer(const Json& task) {
  const Request request = request_of(task.at(1));
  const Settings settings = all_.settings_of(request.levels);
  CheckedPoint checked;
  try {
    checked = all_.evaluator->check(settings);
  } catch (const compiler::InputError& error) {
    return json_of(record_without_key(all_, request, OutcomeKind::kRefused, error.what()));
  }
  PointName name{checked.key, all_.sweep->measurement, 0};
  const bool trains = name.measurement == Measurement::kTraining;
  if (trains && request.steps < checked.effective.at("training").at("iterations").get<std::int64_t>())
    name.steps = request.steps;
  const std::string recent = fmt::format("{} {}", name.key, name.steps);
  if (const auto found = recent_.find(recent); found != recent_.end()) return found->second;
  if (const auto id = find(name)) return *id;
  std::optional<RunLock> lock;
  if (trains) {
    const fs::path directory = run_directory(all_.store, name.key);
    fs::create_directories(directory);
    lock.emplace(directory, /*wait=*/true);
    if (const auto id = find(name)) return *id;  // by now
  }
  PointRecord record;
  set_configuration(record,
                    task.at(0).is_null() ? std::nullopt : std::optional(task.at(0).get<std::int64_t>()),
                    base_of(request.levels), checked.effective);
  Json answer = evaluate(settings, name, std::move(record));
  if (recent_.size() == kMostRecent) recent_.clear();
  return recent_[recent] = std::move(answer);
}

const Json& PointWorker::base_of(const Levels& levels) {
  constexpr std::size_t kMostBases = 64;
  const Levels heavy = all_.heavy_levels(levels);
  const auto found = bases_.find(heavy);
  if (found != bases_.end()) return found->second;
  if (bases_.size() == kMostBases) bases_.clear();
  return bases_[heavy] = all_.base_of(levels);
}

Json PointWorker::evaluate(const Settings& settings, const PointName& name, PointRecord record) {
  const auto start = Clock::now();
  const Outcome outcome =
      name.measurement == Measurement::kCost
          ? all_.evaluator->cost(settings)
          : all_.evaluator->train(settings, name.steps, run_directory(all_.store, name.key));
  record.name = name;
  record.host = host_name();
  record.point.kind = outcome.kind;
  record.point.message = outcome.message;
  record.point.wall_seconds = std::chrono::duration<double>(Clock::now() - start).count();
  record.point.cpu_seconds = outcome.cpu_seconds;
  if (outcome.kind == OutcomeKind::kDone) record.point.figures = take_figures(outcome.result, all_.pointers);
  return json_of(record);
}

}  // namespace anzan::sim
