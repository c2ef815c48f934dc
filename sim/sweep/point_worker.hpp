// What a worker does with a point: checks it, looks whether it is known, and otherwise evaluates it.
#pragma once
#include <filesystem>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <unordered_map>

#include "sim/sweep/evaluator.hpp"
#include "sim/sweep/sampler.hpp"
#include "sim/sweep/store.hpp"

namespace anzan::sim {

// The same for all points of a sweep.
struct PointSurroundings {
  const SweepFile* sweep = nullptr;
  Evaluator* evaluator = nullptr;
  std::filesystem::path store;
  Pointers pointers;    // of figures that a known point must have
  bool retry = false;   // whether one that has failed is not known
  nlohmann::json base;  // effective, or null
  // Axes that change much of a configuration: what a row keeps are changes of the base with their levels.
  std::vector<std::size_t> heavy_axes;

  std::optional<int> threads;  // of a training, where neither base nor point says; no result depends on it

  Settings settings_of(const Levels& levels) const;
  bool is_known(const StoredPoint& point) const;
  Levels heavy_levels(const Levels& levels) const;
  nlohmann::json base_of(const Levels& levels) const;
};

// [steps, level, level, ...]
nlohmann::json json_of(const Request& request);
Request request_of(const nlohmann::json& json);
// What a worker is sent: `base` is the number of base_of() in the store.
nlohmann::json task_of(const Request& request, std::optional<std::int64_t> base);

// The answer to a task: a point that is in the store, or one to be put there.
struct PointAnswer {
  std::optional<std::int64_t> known;
  PointRecord record;
};

PointAnswer answer_of(const nlohmann::json& answer);

// A point that was never checked, and why it has none of the rest.
PointRecord record_without_key(const PointSurroundings& all, const Request& request, OutcomeKind kind,
                               const std::string& message);

// Where a point is trained.
std::filesystem::path runs_directory(const std::filesystem::path& store);
std::filesystem::path run_directory(const std::filesystem::path& store, const std::string& key);
// Removes a directory of a point, unless somebody trains it.
void remove_run(const std::filesystem::path& directory);

// Lives in a process of its own.
class PointWorker {
 public:
  explicit PointWorker(const PointSurroundings& all) : all_(all) {}
  nlohmann::json operator()(const nlohmann::json& task);

 private:
  nlohmann::json answer(const nlohmann::json& task);
  std::optional<std::int64_t> find(const PointName& name);
  nlohmann::json evaluate(const Settings& settings, const PointName& name, PointRecord record);
  const nlohmann::json& base_of(const Levels& levels);

  const PointSurroundings& all_;
  std::unique_ptr<Store> store_;
  // What was answered last, and may not be in the store yet.
  std::unordered_map<std::string, nlohmann::json> recent_;
  std::map<Levels, nlohmann::json> bases_;  // by heavy levels
};

}  // namespace anzan::sim
