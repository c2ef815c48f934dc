// Rows know each other by what names them in every store: versions, hashes, levels.
#include "sim/sweep/store_merge.hpp"

#include <SQLiteCpp/SQLiteCpp.h>

#include <stdexcept>

namespace anzan::sim {
namespace {

// `theirs` by `ours`: the numbers of programs, bases, sweeps and points in both stores.
constexpr const char* kNamesSql = R"sql(
INSERT OR IGNORE INTO program (version) SELECT version FROM other.program;
INSERT OR IGNORE INTO base (key, configuration) SELECT key, configuration FROM other.base;
CREATE TEMP TABLE programs AS SELECT o.id AS theirs, m.id AS ours FROM other.program o JOIN main.program m USING (version);
CREATE TEMP TABLE bases AS SELECT o.id AS theirs, m.id AS ours FROM other.base o JOIN main.base m USING (key);
INSERT OR IGNORE INTO sweep (key, program, name, file, base, axes, measurement, begun)
  SELECT s.key, v.ours, s.name, s.file, b.ours, s.axes, s.measurement, s.begun
  FROM other.sweep s JOIN temp.programs v ON v.theirs = s.program LEFT JOIN temp.bases b ON b.theirs = s.base;
CREATE TEMP TABLE sweeps AS SELECT o.id AS theirs, m.id AS ours
  FROM other.sweep o JOIN temp.programs v ON v.theirs = o.program JOIN main.sweep m ON m.key = o.key AND m.program = v.ours;
)sql";

constexpr const char* kPointsSql = R"sql(
INSERT OR IGNORE INTO point (key, measurement, steps, program, status, message, base, configuration, wall_seconds,
                             cpu_seconds, host, finished)
  SELECT p.key, p.measurement, p.steps, v.ours, p.status, p.message, b.ours, p.configuration, p.wall_seconds,
         p.cpu_seconds, p.host, p.finished
  FROM other.point p JOIN temp.programs v ON v.theirs = p.program LEFT JOIN temp.bases b ON b.theirs = p.base;
CREATE TEMP TABLE points (theirs INTEGER PRIMARY KEY, ours INTEGER);
INSERT INTO temp.points SELECT o.id, m.id
  FROM other.point o JOIN temp.programs v ON v.theirs = o.program
    JOIN main.point m ON m.key = o.key AND m.measurement = o.measurement AND m.steps = o.steps AND m.program = v.ours;
)sql";

std::string rows_sql() {
  return "INSERT OR IGNORE INTO figure (point, further" + columns_of_figures("", "") +
         ") SELECT p.ours, f.further" + columns_of_figures("f.", "") +
         " FROM other.figure f JOIN temp.points p ON p.theirs = f.point;"
         "INSERT OR IGNORE INTO sweep_point (sweep, levels, steps, point) SELECT s.ours, o.levels, o.steps, "
         "p.ours"
         " FROM other.sweep_point o JOIN temp.sweeps s ON s.theirs = o.sweep JOIN temp.points p ON p.theirs "
         "= o.point";
}

}  // namespace

void merge_store(const std::filesystem::path& store, const std::filesystem::path& other) {
  open_store(other, StoreAccess::kRead);  // that it is one
  const auto database = open_store(store, StoreAccess::kWrite);
  try {
    SQLite::Statement attach(*database, "ATTACH ? AS other");
    attach.bind(1, other.string());
    attach.exec();
    SQLite::Transaction transaction(*database, SQLite::TransactionBehavior::IMMEDIATE);
    database->exec(kNamesSql);
    database->exec(kPointsSql);
    database->exec(rows_sql());
    transaction.commit();
  } catch (const SQLite::Exception& error) {
    fail_with_store(store, error);
  }
}

}  // namespace anzan::sim
