// A sweep from its first point to its last: what is in the store is not done again, all else is done by
// workers and written as it comes.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "models/work_observer.hpp"
#include "sim/sweep/judge.hpp"
#include "sim/sweep/point_worker.hpp"
#include "sim/sweep/workers.hpp"

namespace anzan::sim {

class SweepRun;
// Does points elsewhere: brings their rows into the store. False: stopped.
using Elsewhere = std::function<bool(SweepRun& run, const std::vector<const Request*>& points)>;

struct SweepOptions {
  std::filesystem::path store;
  StoreAccess access = StoreAccess::kWrite;
  int workers = 1;
  bool keep_runs = false;  // directories of trainings, STORE.runs/KEY
  bool retry = false;      // points that have failed
  Elsewhere elsewhere;     // instead of workers
};

struct SweepCounts {
  std::int64_t done = 0, refused = 0, failed = 0;
  std::int64_t known = 0;  // of all these: that were in the store
};

class SweepRun {
 public:
  // `text`: of the sweep's file. Throws compiler::InputError.
  SweepRun(const SweepFile& sweep, const std::string& text, SweepOptions options);
  ~SweepRun();
  SweepRun(const SweepRun&) = delete;
  SweepRun& operator=(const SweepRun&) = delete;

  // Until all is done, or `stop`, asked ten times a second, says so: then false, and all that has ended is in
  // the store. Throws as sample() and the store do.
  bool run(models::Watch watch, const std::function<bool()>& stop);
  // The same for these points, whatever the sampler wants.
  bool run_points(const std::vector<Request>& points, models::Watch watch, const std::function<bool()>& stop);

  // For `elsewhere`: whether the store has it now; what becomes of a point that cannot be done.
  bool has(const Request& point);
  void fail(const std::vector<const Request*>& points, const std::string& message);
  void advance(std::int64_t points) { watch_.done(points); }
  bool stopped() const { return stop_(); }

  const SweepCounts& counts() const { return counts_; }
  const SweepFile& sweep() const { return sweep_; }
  Store& store() { return store_; }
  std::int64_t id() const { return id_; }

  // The part of a result that figures, objectives and constraints look at, from what is kept of it.
  static Outcome outcome_of(const SweepFile& sweep, const StoredPoint& point);

 private:
  struct Stopped {};
  using Answers = std::vector<std::optional<Objectives>>;

  nlohmann::json probe();
  std::optional<std::int64_t> base_number(const Levels& levels);
  void register_sweep(const std::string& text, const nlohmann::json& keys);
  Answers evaluate(const std::vector<Request>& requests);
  bool joined(const Request& a, const Request& b) const;
  std::vector<const Request*> in_order(const std::vector<Request>& requests) const;
  bool guarded_run(models::Watch watch, const std::function<bool()>& stop, const std::function<void()>& work);
  void run_elsewhere(const std::vector<const Request*>& requests, const std::vector<Request>& all,
                     Answers& answers);
  void run_all(const std::vector<const Request*>& requests, const std::vector<Request>& all,
               Answers& answers);
  std::pair<std::int64_t, StoredPoint> put(const Request& request, TaskEnd& end);
  std::optional<Objectives> take(const Request& request, const StoredPoint& point, bool known);
  std::optional<StoredPoint> find(const Request& request);
  void remove_runs();

  const SweepFile& sweep_;
  SweepOptions options_;
  Judge judge_;
  Store store_;
  Evaluator evaluator_;
  PointSurroundings points_;
  std::vector<std::size_t> program_axes_;  // those that programs depend on
  std::map<Levels, std::int64_t> bases_;   // in the store, by heavy levels
  std::int64_t id_ = 0;
  Workers workers_;
  SweepCounts counts_;
  models::Watch watch_;
  std::function<bool()> stop_;
  std::int64_t expected_ = 0;  // points in all
  bool begun_ = false;         // with one that was not known
};

}  // namespace anzan::sim
