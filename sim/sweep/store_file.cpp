// Tables, and who may open a file as a store.
#include "sim/sweep/store_file.hpp"

#include <SQLiteCpp/SQLiteCpp.h>
#include <fmt/format.h>
#include <sqlite3.h>

#include <chrono>
#include <thread>

#include "compiler/input/input_error.hpp"
#include "sim/sweep/figures.hpp"

namespace anzan::sim {
namespace {

using compiler::InputError;
namespace fs = std::filesystem;

constexpr int kApplication = 0x416e7a6e;  // "Anzn": that a database is a store
constexpr int kTables = 1;                // version of the tables: with each change of them, one more
constexpr int kBusyMilliseconds = 60'000;
constexpr const char* kExpected = "a store of sweeps, or a place for one";

std::string tables() {
  return fmt::format(R"sql(
CREATE TABLE program (id INTEGER PRIMARY KEY, version TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE base (id INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE, configuration TEXT NOT NULL) STRICT;
CREATE TABLE sweep (
  id INTEGER PRIMARY KEY, key BLOB NOT NULL, program INTEGER NOT NULL REFERENCES program, name TEXT NOT NULL,
  file TEXT NOT NULL, base INTEGER REFERENCES base, axes TEXT NOT NULL, measurement TEXT NOT NULL, begun INTEGER NOT NULL,
  UNIQUE (key, program)) STRICT;
CREATE TABLE note (
  sweep INTEGER NOT NULL REFERENCES sweep, name TEXT NOT NULL, text TEXT NOT NULL, PRIMARY KEY (sweep, name))
  STRICT, WITHOUT ROWID;
CREATE TABLE point (
  id INTEGER PRIMARY KEY, key BLOB NOT NULL, measurement TEXT NOT NULL, steps INTEGER NOT NULL,
  program INTEGER NOT NULL REFERENCES program, status TEXT NOT NULL, message TEXT, base INTEGER REFERENCES base,
  configuration TEXT, wall_seconds REAL NOT NULL, cpu_seconds REAL NOT NULL, host TEXT NOT NULL, finished INTEGER NOT NULL,
  UNIQUE (key, measurement, steps, program)) STRICT;
CREATE TABLE figure (point INTEGER PRIMARY KEY REFERENCES point{0}, further TEXT) STRICT;
CREATE TABLE sweep_point (
  sweep INTEGER NOT NULL REFERENCES sweep, levels TEXT NOT NULL, steps INTEGER NOT NULL,
  point INTEGER NOT NULL REFERENCES point, PRIMARY KEY (sweep, levels, steps)) STRICT, WITHOUT ROWID;
CREATE VIEW configuration AS
  SELECT p.id AS point, iif(p.base IS NULL, p.configuration, json_patch(b.configuration, p.configuration)) AS configuration
  FROM point p LEFT JOIN base b ON b.id = p.base;
CREATE VIEW result AS
  SELECT s.name AS sweep,
    (SELECT json_group_object(a.value ->> '$.name', json(a.value -> ('$.levels[' || l.value || ']')))
     FROM json_each(sp.levels) l JOIN json_each(s.axes) a ON a.key = l.key) AS settings,
    p.status{1}, f.further, p.message, sp.steps, p.wall_seconds, p.cpu_seconds, p.host, p.finished, v.version,
    s.measurement, sp.levels, sp.sweep AS sweep_id, sp.point
  FROM sweep_point sp JOIN sweep s ON s.id = sp.sweep JOIN point p ON p.id = sp.point
    JOIN program v ON v.id = p.program LEFT JOIN figure f ON f.point = sp.point;
PRAGMA application_id = {2};
PRAGMA user_version = {3};
)sql",
                     columns_of_figures("", " REAL"), columns_of_figures("f.", ""), kApplication, kTables);
}

// A file's name in a URI.
std::string escaped(const std::string& name) {
  std::string text;
  for (const char c : name)
    text += c == '%' || c == '?' || c == '#' ? fmt::format("%{:02X}", static_cast<unsigned>(c))
                                             : std::string(1, c);
  return text;
}

std::unique_ptr<SQLite::Database> open_for_reading(const fs::path& file) {
  auto database = std::make_unique<SQLite::Database>(file, SQLite::OPEN_READONLY, kBusyMilliseconds);
  try {
    database->execAndGet("SELECT count(*) FROM sqlite_master");
  } catch (const SQLite::Exception& error) {
    // Where the directory cannot be written, nobody else writes, and no file beside it is needed.
    const fs::path log = file.string() + "-wal";
    std::error_code none;
    if (error.getErrorCode() != SQLITE_CANTOPEN || (fs::exists(log) && fs::file_size(log, none) > 0)) throw;
    database =
        std::make_unique<SQLite::Database>("file:" + escaped(fs::absolute(file).string()) + "?immutable=1",
                                           SQLite::OPEN_READONLY | SQLite::OPEN_URI);
  }
  return database;
}

int pragma(SQLite::Database& database, const char* name) {
  return database.execAndGet(fmt::format("PRAGMA {}", name)).getInt();
}

// Throws InputError for what is no store; whether there is nothing yet.
bool check_store(SQLite::Database& database, const fs::path& file) {
  const int application = pragma(database, "application_id"), version = pragma(database, "user_version");
  const int tables = database.execAndGet("SELECT count(*) FROM sqlite_master").getInt();
  if (application == 0 && version == 0 && tables == 0) return true;
  if (application != kApplication)
    throw InputError("--store", file.string() + ", a database of something else", kExpected);
  if (version != kTables)
    throw InputError("--store", fmt::format("{}, a store of version {}", file.string(), version),
                     fmt::format("one of version {}", kTables));
  return false;
}

// Another process may be about to do the same; SQLite then says at once that it is busy.
void write_ahead(SQLite::Database& database) {
  constexpr int kTries = 600;
  for (int i = 1;; ++i) {
    const int code = database.tryExec("PRAGMA journal_mode = WAL");
    if (code == SQLITE_OK) return;
    if (code != SQLITE_BUSY || i == kTries) throw SQLite::Exception(database.getHandle(), code);
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
}

std::unique_ptr<SQLite::Database> open_for_writing(const fs::path& file, bool shared) {
  auto database = std::make_unique<SQLite::Database>(file, SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE,
                                                     kBusyMilliseconds);
  check_store(*database, file);
  if (shared) {
    database->exec("PRAGMA journal_mode = TRUNCATE; PRAGMA synchronous = FULL");
  } else {
    write_ahead(*database);
    database->exec("PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 4000");
  }
  SQLite::Transaction transaction(*database, SQLite::TransactionBehavior::IMMEDIATE);
  if (check_store(*database, file)) database->exec(tables());
  // Writes, or says that it cannot.
  database->exec(fmt::format("PRAGMA user_version = {}", kTables));
  transaction.commit();
  return database;
}

}  // namespace

std::string columns_of_figures(const char* prefix, const char* suffix) {
  std::string text;
  for (const FigureColumn& c : figure_columns()) text += fmt::format(", {}{}{}", prefix, c.name, suffix);
  return text;
}

void fail_with_store(const fs::path& file, const SQLite::Exception& error) {
  std::string text = error.what();
  switch (error.getErrorCode()) {
    case SQLITE_FULL:
    case SQLITE_IOERR:
      throw std::runtime_error(
          fmt::format("{}: {}; is the disk full, or a file too large?", file.string(), text));
    case SQLITE_BUSY:
      throw std::runtime_error(
          fmt::format("{}: {}; another process does not let go of it", file.string(), text));
    case SQLITE_NOMEM:
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
      throw std::runtime_error(fmt::format("{}: {}", file.string(), text));
    default:
      fail_with_store(file, StoreDamage(text));
  }
}

void fail_with_store(const fs::path& file, const StoreDamage& damage) {
  throw InputError("--store", fmt::format("{}, which is damaged: {}", file.string(), damage.what()),
                   "a store as sweeps have written it");
}

std::unique_ptr<SQLite::Database> open_store(const fs::path& file, StoreAccess access) {
  if (fs::is_directory(file)) throw InputError("--store", file.string() + ", a directory", kExpected);
  try {
    auto database = access == StoreAccess::kRead ? open_for_reading(file)
                                                 : open_for_writing(file, access == StoreAccess::kShared);
    if (access == StoreAccess::kRead && check_store(*database, file))
      throw InputError("--store", file.string() + ", which is empty", "a store of sweeps");
    database->exec("PRAGMA cache_size = -65536");
    return database;
  } catch (const SQLite::Exception& error) {
    const int code = error.getErrorCode();
    if (code == SQLITE_FULL || code == SQLITE_IOERR || code == SQLITE_BUSY) fail_with_store(file, error);
    throw InputError("--store", fmt::format("{} ({})", file.string(), error.what()),
                     access == StoreAccess::kRead ? "a store of sweeps" : kExpected);
  }
}

}  // namespace anzan::sim
