// One statement of SQLite, stepped through.
#include "sim/sweep/query.hpp"

#include <SQLiteCpp/SQLiteCpp.h>
#include <fmt/format.h>
#include <sqlite3.h>

#include "compiler/input/input_error.hpp"
#include "sim/sweep/store_file.hpp"

namespace anzan::sim {

using compiler::InputError;

struct Query::State {
  std::unique_ptr<SQLite::Database> database;
  std::unique_ptr<SQLite::Statement> statement;
  models::Watch watch;
};

namespace {

// Whether anything but blanks and comments follows the first statement.
bool begins_another(const SQLite::Database& database, const std::string& sql) {
  const auto prepare = [&](const char* text, const char** rest) {
    sqlite3_stmt* statement = nullptr;
    const int error = sqlite3_prepare_v2(database.getHandle(), text, -1, &statement, rest);
    sqlite3_finalize(statement);
    return error != SQLITE_OK || statement != nullptr;
  };
  const char* rest = nullptr;
  prepare(sql.c_str(), &rest);
  return prepare(rest, nullptr);
}

}  // namespace

Query::Query(const std::filesystem::path& store, const std::string& sql, models::Watch watch)
    : state_(std::make_unique<State>()) {
  constexpr const char* kExpected = "one SELECT over the tables of a store";
  constexpr int kMostBytes = 64 << 20, kOften = 100'000;  // steps of SQLite's machine: some milliseconds
  state_->database = open_store(store, StoreAccess::kRead);
  state_->watch = watch;
  sqlite3_limit(state_->database->getHandle(), SQLITE_LIMIT_LENGTH, kMostBytes);
  const auto go_on = [](void* state) { return static_cast<State*>(state)->watch.done(0), 0; };
  sqlite3_progress_handler(state_->database->getHandle(), kOften, go_on, state_.get());
  try {
    state_->statement = std::make_unique<SQLite::Statement>(*state_->database, sql);
  } catch (const SQLite::Exception& error) {
    throw InputError("--query", sql + fmt::format(" ({})", error.what()), kExpected);
  }
  if (begins_another(*state_->database, sql))
    throw InputError("--query", sql + ", which is more than one statement", kExpected);
  const SQLite::Statement& s = *state_->statement;
  if (s.getColumnCount() == 0) throw InputError("--query", sql + ", which finds nothing", kExpected);
  for (int i = 0; i < s.getColumnCount(); ++i) columns_.emplace_back(s.getColumnName(i));
}

Query::~Query() = default;

bool Query::next(QueryRow& row) {
  SQLite::Statement& s = *state_->statement;
  row.clear();
  try {
    if (s.isDone() || !s.executeStep()) return false;
  } catch (const SQLite::Exception& error) {
    throw InputError("--query", s.getQuery() + fmt::format(" ({})", error.what()),
                     "a SELECT that can be evaluated");
  }
  for (int i = 0; i < s.getColumnCount(); ++i) {
    const SQLite::Column c = s.getColumn(i);
    if (c.isNull())
      row.emplace_back(nullptr);
    else if (c.isInteger())
      row.emplace_back(c.getInt64());
    else if (c.isFloat())
      row.emplace_back(c.getDouble());
    else if (c.isBlob())
      row.emplace_back(fmt::format(
          "{:02x}", fmt::join(static_cast<const unsigned char*>(c.getBlob()),
                              static_cast<const unsigned char*>(c.getBlob()) + c.getBytes(), "")));
    else
      row.emplace_back(c.getString());
  }
  return true;
}

}  // namespace anzan::sim
