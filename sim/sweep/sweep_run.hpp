// A sweep from its first point to its last: what is in the store is not done again, all else is done by
// workers and written as it comes.
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "models/work_observer.hpp"
#include "sim/sweep/judge.hpp"
#include "sim/sweep/point_worker.hpp"
#include "sim/sweep/workers.hpp"

namespace anzan::sim {

// Of `parts` equal parts of the points, that with this number, from 0.
struct SweepPart {
  std::int64_t number = 0, parts = 1;
};

struct SweepOptions {
  std::filesystem::path store;
  StoreAccess access = StoreAccess::kWrite;
  int workers = 1;
  bool keep_runs = false;  // directories of trainings, STORE.runs/KEY
  bool retry = false;      // points that have failed
  std::optional<SweepPart> part;
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
  void register_sweep(const std::string& text, const nlohmann::json& keys);
  Answers evaluate(const std::vector<Request>& requests);
  bool joined(const Request& a, const Request& b) const;
  std::vector<const Request*> of_part(const std::vector<Request>& requests) const;
  void run_all(const std::vector<const Request*>& requests, const std::vector<Request>& all,
               Answers& answers);
  std::pair<std::int64_t, StoredPoint> put(const Request& request, TaskEnd& end);
  std::optional<Objectives> take(const Request& request, const StoredPoint& point, bool known);
  void remove_runs();

  const SweepFile& sweep_;
  SweepOptions options_;
  Judge judge_;
  Store store_;
  Evaluator evaluator_;
  PointSurroundings points_;
  std::vector<std::size_t> program_axes_;  // those that programs depend on
  std::int64_t id_ = 0;
  Workers workers_;
  SweepCounts counts_;
  models::Watch watch_;
  std::function<bool()> stop_;
  bool evaluates_ = false;
};

}  // namespace anzan::sim
