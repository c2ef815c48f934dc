// Rows, and the statements that write and find them.
#include "sim/sweep/store.hpp"

#include <SQLiteCpp/SQLiteCpp.h>
#include <fmt/format.h>

#include <chrono>
#include <limits>
#include <unordered_map>
#include <utility>

#include "compiler/input/input_error.hpp"
#include "sim/host/sha256.hpp"
#include "sim/sweep/store_file.hpp"

namespace anzan::sim {
namespace {

using Json = nlohmann::json;
namespace fs = std::filesystem;

const char* name_of(Measurement m) { return m == Measurement::kCost ? "cost" : "training"; }

struct KindName {
  OutcomeKind kind;
  const char* name;
};
constexpr KindName kKinds[] = {
    {OutcomeKind::kDone, "done"}, {OutcomeKind::kRefused, "refused"}, {OutcomeKind::kFailed, "failed"}};

OutcomeKind kind_of(const std::string& name) {
  for (const KindName& k : kKinds) {
    if (name == k.name) return k.kind;
  }
  throw StoreDamage("the status " + name + " of a point");
}

std::string bytes_of(const std::string& hex) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
    bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  return bytes;
}

std::string hash_of(const std::string& text) { return bytes_of(Sha256::of(text.data(), text.size())); }

std::int64_t now() {
  return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

}  // namespace

const char* status_name(OutcomeKind kind) {
  for (const KindName& k : kKinds) {
    if (k.kind == kind) return k.name;
  }
  throw std::logic_error("an outcome without a name");
}

namespace {

// What merge_patch() needs to make `to` of `from`, where both are objects.
Json patch_of(const Json& from, const Json& to) {
  Json patch = Json::object();
  for (const auto& [key, value] : from.items()) {
    if (!to.contains(key)) patch[key] = nullptr;
  }
  for (const auto& [key, value] : to.items()) {
    const auto before = from.find(key);
    if (before == from.end())
      patch[key] = value;
    else if (before->is_object() && value.is_object() && *before != value)
      patch[key] = patch_of(*before, value);
    else if (*before != value)
      patch[key] = value;
  }
  return patch;
}

}  // namespace

void set_configuration(PointRecord& record, std::optional<std::int64_t> number, const Json& base,
                       const Json& effective) {
  record.base.reset();
  record.configuration = effective;
  if (!number || !base.is_object() || !effective.is_object()) return;
  Json patch = patch_of(base, effective), patched = base;
  patched.merge_patch(patch);
  if (patched != effective) return;
  record.base = number;
  record.configuration = std::move(patch);
}

struct Store::Connection {
  std::unique_ptr<SQLite::Database> database;
  std::unordered_map<std::string, std::unique_ptr<SQLite::Statement>> statements;
  std::optional<std::int64_t> program;

  // Ready for new values.
  SQLite::Statement& statement(const std::string& sql) {
    auto& s = statements[sql];
    if (!s) s = std::make_unique<SQLite::Statement>(*database, sql);
    s->reset();
    s->clearBindings();
    return *s;
  }
};

namespace {

template <class... Values>
SQLite::Statement& bound(SQLite::Statement& statement, const Values&... values) {
  int i = 0;
  (statement.bind(++i, values), ...);
  return statement;
}

void bind_blob(SQLite::Statement& statement, int index, const std::string& bytes) {
  statement.bind(index, bytes.data(), static_cast<int>(bytes.size()));
}

std::optional<std::int64_t> first(SQLite::Statement& statement) {
  std::optional<std::int64_t> found;
  if (statement.executeStep() && !statement.isColumnNull(0)) found = statement.getColumn(0).getInt64();
  statement.reset();
  return found;
}

// What has just been written, or is referred to.
std::int64_t needed(SQLite::Statement& statement, const char* what) {
  if (const std::optional<std::int64_t> found = first(statement)) return *found;
  throw StoreDamage(fmt::format("no {}", what));
}

Json json_of_text(const std::string& text, const char* what) {
  try {
    return Json::parse(text);
  } catch (const Json::exception&) {
    throw StoreDamage(fmt::format("{} that is no JSON", what));
  }
}

// Does what reads or writes rows; what a store must not hold is then said of its file.
template <class Rows>
auto told_of(const fs::path& file, const Rows& rows) {
  try {
    return rows();
  } catch (const SQLite::Exception& error) {
    fail_with_store(file, error);
  } catch (const StoreDamage& damage) {
    fail_with_store(file, damage);
  }
}

void execute(SQLite::Statement& statement) {
  statement.exec();
  statement.reset();
}

std::string select_point() {
  return "SELECT p.status, p.message, p.wall_seconds, p.cpu_seconds, f.further" +
         columns_of_figures("f.", "");
}

StoredPoint point_of(SQLite::Statement& s, int first_column) {
  StoredPoint p;
  int c = first_column;
  p.kind = kind_of(s.getColumn(c++).getString());
  p.message = s.getColumn(c++).getString();
  p.wall_seconds = s.getColumn(c++).getDouble();
  p.cpu_seconds = s.getColumn(c++).getDouble();
  const std::string further = s.getColumn(c++).getString();
  if (!further.empty()) p.figures.further = json_of_text(further, "figures of a point");
  if (!p.figures.further.is_object()) throw StoreDamage("figures of a point without names");
  for (std::size_t i = 0; i < figure_columns().size(); ++i, ++c)
    p.figures.columns.push_back(s.isColumnNull(c) ? std::nullopt
                                                  : std::optional<double>(s.getColumn(c).getDouble()));
  return p;
}

}  // namespace

Store::Store(fs::path file, std::string version, StoreAccess access)
    : file_(std::move(file)), version_(std::move(version)), access_(access) {
  open();
}

Store::~Store() = default;

void Store::close() { connection_.reset(); }

Store::Connection& Store::open() {
  if (!connection_) {
    auto made = std::make_unique<Connection>();
    made->database = open_store(file_, access_);
    connection_ = std::move(made);
  }
  return *connection_;
}

void Store::write(const std::function<void()>& rows) {
  try {
    told_of(file_, [&] {
      Connection& c = open();
      SQLite::Transaction transaction(*c.database, SQLite::TransactionBehavior::IMMEDIATE);
      if (!c.program) {
        execute(bound(c.statement("INSERT OR IGNORE INTO program (version) VALUES (?)"), version_));
        c.program =
            needed(bound(c.statement("SELECT id FROM program WHERE version = ?"), version_), "program");
      }
      rows();
      transaction.commit();
    });
  } catch (...) {
    connection_.reset();  // with what it knows of rows that are none
    throw;
  }
}

std::int64_t Store::put_base(const Json& effective) {
  Connection& c = open();
  const std::string text = effective.dump(), key = hash_of(text);
  SQLite::Statement& insert = c.statement("INSERT OR IGNORE INTO base (key, configuration) VALUES (?, ?)");
  bind_blob(insert, 1, key);
  insert.bind(2, text);
  execute(insert);
  SQLite::Statement& select = c.statement("SELECT id FROM base WHERE key = ?");
  bind_blob(select, 1, key);
  return needed(select, "base");
}

std::int64_t Store::put_sweep(const SweepRecord& sweep) {
  Connection& c = open();
  const std::string key = hash_of(Json{sweep.name, sweep.source, name_of(sweep.measurement)}.dump());
  SQLite::Statement& insert = c.statement(
      "INSERT INTO sweep (key, program, name, file, base, axes, measurement, begun) VALUES (?, ?, ?, ?, ?, "
      "?, ?, ?) "
      "ON CONFLICT DO UPDATE SET file = excluded.file");
  bind_blob(insert, 1, key);
  insert.bind(2, c.program.value());
  insert.bind(3, sweep.name);
  insert.bind(4, sweep.file);
  if (sweep.base) insert.bind(5, *sweep.base);
  insert.bind(6, sweep.axes.dump());
  insert.bind(7, name_of(sweep.measurement));
  insert.bind(8, now());
  execute(insert);
  SQLite::Statement& select = c.statement("SELECT id FROM sweep WHERE key = ? AND program = ?");
  bind_blob(select, 1, key);
  select.bind(2, c.program.value());
  return needed(select, "sweep");
}

std::optional<std::int64_t> Store::find(const PointName& name) {
  return told_of(file_, [&] { return find_row(name); });
}

std::optional<std::int64_t> Store::find_row(const PointName& name) {
  Connection& c = open();
  SQLite::Statement& select = c.statement(
      "SELECT id FROM point WHERE key = ? AND measurement = ? AND steps = ? AND program = (SELECT id FROM "
      "program WHERE "
      "version = ?)");
  bind_blob(select, 1, bytes_of(name.key));
  select.bind(2, name_of(name.measurement));
  select.bind(3, name.steps);
  select.bind(4, version_);
  return first(select);
}

namespace {

void put_figures(SQLite::Statement& replace, std::int64_t point, const Figures& figures) {
  replace.bind(1, point);
  if (!figures.further.empty()) replace.bind(2, figures.further.dump());
  int i = 3;
  for (const std::optional<double>& value : figures.columns) {
    if (value) replace.bind(i, *value);
    ++i;
  }
  execute(replace);
}

std::string replace_figures() {
  std::string values = "?, ?";
  for (std::size_t i = 0; i < figure_columns().size(); ++i) values += ", ?";
  return "INSERT OR REPLACE INTO figure (point, further" + columns_of_figures("", "") + ") VALUES (" +
         values + ")";
}

}  // namespace

std::int64_t Store::put_point(const PointRecord& record) {
  Connection& c = open();
  std::optional<std::int64_t> id = find(record.name);
  if (id) {
    StoredPoint there = read(*id);
    if (there.kind == OutcomeKind::kDone) {
      for (const auto& [pointer, value] : record.point.figures.further.items())
        there.figures.further[pointer] = value;
      put_figures(c.statement(replace_figures()), *id, there.figures);
      return *id;
    }
  }
  SQLite::Statement& put = c.statement(
      "INSERT OR REPLACE INTO point (id, key, measurement, steps, program, status, message, base, "
      "configuration, "
      "wall_seconds, cpu_seconds, host, finished) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
  if (id) put.bind(1, *id);
  bind_blob(put, 2, bytes_of(record.name.key));
  put.bind(3, name_of(record.name.measurement));
  put.bind(4, record.name.steps);
  put.bind(5, c.program.value());
  put.bind(6, status_name(record.point.kind));
  if (!record.point.message.empty()) put.bind(7, compiler::printable(record.point.message));
  if (record.base) put.bind(8, *record.base);
  if (!record.configuration.is_null()) put.bind(9, record.configuration.dump());
  put.bind(10, record.point.wall_seconds);
  put.bind(11, record.point.cpu_seconds);
  put.bind(12, record.host);
  put.bind(13, now());
  execute(put);
  if (!id) id = c.database->getLastInsertRowid();
  if (record.point.kind == OutcomeKind::kDone)
    put_figures(c.statement(replace_figures()), *id, record.point.figures);
  return *id;
}

void Store::put_in_sweep(std::int64_t sweep, const Levels& levels, std::int64_t steps, std::int64_t point) {
  execute(bound(open().statement(
                    "INSERT OR REPLACE INTO sweep_point (sweep, levels, steps, point) VALUES (?, ?, ?, ?)"),
                sweep, text_of(levels), steps, point));
}

StoredPoint Store::read(std::int64_t point) {
  return told_of(file_, [&] { return read_row(point); });
}

StoredPoint Store::read_row(std::int64_t point) {
  SQLite::Statement& select = bound(
      open().statement(select_point() + " FROM point p LEFT JOIN figure f ON f.point = p.id WHERE p.id = ?"),
      point);
  if (!select.executeStep()) throw StoreDamage("a reference to a point that is not there");
  StoredPoint found = point_of(select, 0);
  select.reset();
  return found;
}

std::optional<StoredPoint> Store::find_in_sweep(std::int64_t sweep, const Levels& levels,
                                                std::int64_t steps) {
  return told_of(file_, [&]() -> std::optional<StoredPoint> {
    SQLite::Statement& select =
        bound(open().statement(select_point() + " FROM sweep_point sp JOIN point p ON p.id = sp.point LEFT "
                                                "JOIN figure f ON f.point = sp.point WHERE "
                                                "sp.sweep = ? AND sp.levels = ? AND sp.steps = ?"),
              sweep, text_of(levels), steps);
    if (!select.executeStep()) return std::nullopt;
    StoredPoint found = point_of(select, 0);
    select.reset();
    return found;
  });
}

Json Store::configuration(std::int64_t point) {
  return told_of(file_, [&] {
    SQLite::Statement& select =
        bound(open().statement("SELECT configuration FROM configuration WHERE point = ?"), point);
    Json found;
    if (select.executeStep() && !select.isColumnNull(0))
      found = json_of_text(select.getColumn(0).getString(), "a configuration");
    select.reset();
    return found;
  });
}

void Store::each_of_sweep(std::int64_t sweep, const Visit& visit) {
  told_of(file_, [&] {
    SQLite::Statement select(
        *open().database,
        select_point() +
            ", sp.levels, sp.steps FROM sweep_point sp JOIN point p ON p.id = sp.point LEFT JOIN "
            "figure f ON f.point = sp.point WHERE sp.sweep = ?");
    select.bind(1, sweep);
    const int after = 5 + static_cast<int>(figure_columns().size());
    while (select.executeStep())
      visit(select.getColumn(after).getText(), select.getColumn(after + 1).getInt64(), point_of(select, 0));
  });
}

void Store::each_number(std::int64_t sweep, const std::vector<const FigureColumn*>& columns,
                        const VisitNumbers& visit) {
  std::string sql = "SELECT sp.levels, sp.steps";
  for (const FigureColumn* const column : columns) sql += fmt::format(", f.{}", column->name);
  told_of(file_, [&] {
    SQLite::Statement select(
        *open().database,
        sql + " FROM sweep_point sp JOIN figure f ON f.point = sp.point WHERE sp.sweep = ?");
    select.bind(1, sweep);
    std::vector<double> numbers(columns.size());
    while (select.executeStep()) {
      for (std::size_t i = 0; i < columns.size(); ++i) {
        const SQLite::Column number = select.getColumn(static_cast<int>(i) + 2);
        numbers[i] = number.isNull() ? std::numeric_limits<double>::quiet_NaN() : number.getDouble();
      }
      visit(select.getColumn(0).getText(), select.getColumn(1).getInt64(), numbers);
    }
  });
}

Levels Store::levels_of(const std::string& text, const Space& space) const {
  return told_of(file_, [&] {
    const Json json = json_of_text(text, "levels");
    const std::vector<Axis>& axes = space.axes();
    bool right = json.is_array() && json.size() == axes.size();
    for (std::size_t a = 0; right && a < axes.size(); ++a)
      right = json[a].is_number_unsigned() && json[a] < axes[a].levels.size();
    const Levels levels = right ? json.get<Levels>() : Levels();
    if (!right || text != text_of(levels))
      throw StoreDamage("the levels " + text.substr(0, 100) + " of a point");
    return levels;
  });
}

std::string Store::text_of(const Levels& levels) { return fmt::format("[{}]", fmt::join(levels, ",")); }

std::vector<std::string> Store::keys_of_sweep(std::int64_t sweep) {
  return told_of(file_, [&] {
    SQLite::Statement& select =
        bound(open().statement("SELECT DISTINCT lower(hex(p.key)) FROM sweep_point sp "
                               "JOIN point p ON p.id = sp.point WHERE sp.sweep = ?"),
              sweep);
    std::vector<std::string> keys;
    while (select.executeStep()) keys.push_back(select.getColumn(0).getString());
    select.reset();
    return keys;
  });
}

void Store::put_note(std::int64_t sweep, const std::string& name, const std::string& text) {
  execute(bound(open().statement("INSERT OR REPLACE INTO note (sweep, name, text) VALUES (?, ?, ?)"), sweep,
                name, text));
}

std::optional<std::string> Store::note(std::int64_t sweep, const std::string& name) {
  return told_of(file_, [&] {
    SQLite::Statement& select =
        bound(open().statement("SELECT text FROM note WHERE sweep = ? AND name = ?"), sweep, name);
    std::optional<std::string> found;
    if (select.executeStep()) found = select.getColumn(0).getString();
    select.reset();
    return found;
  });
}

}  // namespace anzan::sim
