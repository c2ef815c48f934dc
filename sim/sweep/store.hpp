// The store of sweeps: one SQLite file, with a row for each point that was looked at. One process writes at a
// time; what it has written stays, whatever is killed. The tables: README.md beside this.
#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "sim/sweep/figures.hpp"
#include "sim/sweep/store_file.hpp"
#include "sim/sweep/sweep_file.hpp"

namespace anzan::sim {

// What names a row, with the version of the program: there is one of each.
struct PointName {
  std::string key;  // 64 hexadecimal digits
  Measurement measurement = Measurement::kCost;
  std::int64_t steps = 0;  // of a training that ends before its configuration says; otherwise 0
};

const char* status_name(OutcomeKind kind);  // "done", "refused", "failed"

struct StoredPoint {
  OutcomeKind kind = OutcomeKind::kDone;
  std::string message;  // why not kDone
  Figures figures;
  double wall_seconds = 0, cpu_seconds = 0;
};

struct PointRecord {
  PointName name;
  StoredPoint point;
  std::string host;
  std::optional<std::int64_t> base;  // what `configuration` changes (RFC 7396); none: it is the whole
  nlohmann::json configuration;      // null: it was refused before it was one
};

// Sets base and configuration: as changes of `base`, which has this number, where changes can say it all.
void set_configuration(PointRecord& record, std::optional<std::int64_t> number, const nlohmann::json& base,
                       const nlohmann::json& effective);

struct SweepRecord {
  std::string name, file;            // text of the file
  std::optional<std::int64_t> base;  // of its points
  nlohmann::json source;             // base, axes: with the measurement, what levels mean
  nlohmann::json axes;               // [{"name", "levels": [...]}]
  Measurement measurement = Measurement::kCost;
};

class Store {
 public:
  // Throws compiler::InputError where it is no store, or cannot be opened so. `version`: of the program whose
  // rows are found and written.
  Store(std::filesystem::path file, std::string version, StoreAccess access = StoreAccess::kWrite);
  ~Store();
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  const std::filesystem::path& file() const { return file_; }

  // Does `rows` in one transaction, waiting for other writers; all of it or nothing is written. All below
  // that write are called there. Throws std::runtime_error where the disk does not take it.
  void write(const std::function<void()>& rows);

  std::int64_t put_base(const nlohmann::json& effective);
  // The sweep whose levels mean the same, or a new one.
  std::int64_t put_sweep(const SweepRecord& sweep);
  // Row of the point; one that is there and done only gains figures.
  std::int64_t put_point(const PointRecord& record);
  void put_in_sweep(std::int64_t sweep, const Levels& levels, std::int64_t steps, std::int64_t point);

  std::optional<std::int64_t> find(const PointName& name);
  StoredPoint read(std::int64_t point);
  std::optional<StoredPoint> find_in_sweep(std::int64_t sweep, const Levels& levels, std::int64_t steps);
  nlohmann::json configuration(std::int64_t point);

  // Levels as text, for levels_of().
  using Visit = std::function<void(const char* levels, std::int64_t steps, const StoredPoint&)>;
  void each_of_sweep(std::int64_t sweep, const Visit& visit);

  // The same for numbers alone, and quickly: of all that are done, what stands in these columns (no number
  // where there is none).
  using VisitNumbers =
      std::function<void(const char* levels, std::int64_t steps, const std::vector<double>& numbers)>;
  void each_number(std::int64_t sweep, const std::vector<const FigureColumn*>& columns,
                   const VisitNumbers& visit);
  // Of a point of this space.
  Levels levels_of(const std::string& text, const Space& space) const;
  static std::string text_of(const Levels& levels);

  std::vector<std::string> keys_of_sweep(std::int64_t sweep);

  // Notes of a sweep, such as the job that works on it.
  void put_note(std::int64_t sweep, const std::string& name, const std::string& text);
  std::optional<std::string> note(std::int64_t sweep, const std::string& name);

  // Closed, nothing of SQLite is open in this process: it may fork. The next call opens it again.
  void close();

 private:
  struct Connection;
  Connection& open();
  std::optional<std::int64_t> find_row(const PointName& name);
  StoredPoint read_row(std::int64_t point);

  std::filesystem::path file_;
  std::string version_;
  StoreAccess access_;
  std::unique_ptr<Connection> connection_;
};

}  // namespace anzan::sim
