// Stores of sweeps that somebody has damaged, as files and as databases; and questions to them.
#include "tests/fuzz/store_cases.hpp"

#include <algorithm>
#include <iterator>
#include <stdexcept>

#include "tests/fuzz/mutation.hpp"

namespace anzan::fuzz {
namespace {

const char* const kStore = "s.sqlite";

// What no sweep writes: values of another kind, rows that are lost or refer to nothing, tables that are
// others.
const char* const kDamages[] = {
    "UPDATE point SET status = 'strange'",
    "UPDATE point SET status = 'failed', message = 'x'",
    "UPDATE point SET status = 'refused', message = CAST(x'fffe00' AS TEXT)",
    "UPDATE point SET status = 'done'; DELETE FROM figure",
    "UPDATE point SET message = char(27) || '[2J'",
    "UPDATE point SET id = id + 1000",
    "UPDATE point SET base = 77",
    "UPDATE point SET configuration = '{'",
    "UPDATE point SET configuration = '[1]', base = NULL",
    "UPDATE point SET steps = -1",
    "UPDATE point SET measurement = 'training'",
    "UPDATE point SET wall_seconds = -9e999, cpu_seconds = 9e999",
    "UPDATE point SET key = zeroblob(1000000) WHERE id = 1",
    "UPDATE figure SET further = '{'",
    "UPDATE figure SET further = '[1]'",
    "UPDATE figure SET further = '{\"/a\": {}, \"/time/cycles_per_step\": \"x\"}'",
    "UPDATE figure SET further = 'null'",
    "UPDATE figure SET further = CAST(x'22ff22' AS TEXT)",
    "UPDATE figure SET cycles_per_step = 9e999, joules_per_step = NULL, seconds_per_step = -1",
    "UPDATE figure SET joules_per_step = -9e999, seconds_per_step = 0",
    "UPDATE sweep_point SET levels = 'x' WHERE levels = '[0,0]'",
    "UPDATE sweep_point SET levels = '[]' WHERE levels = '[0,0]'",
    "UPDATE sweep_point SET levels = '[0]' WHERE levels = '[0,0]'",
    "UPDATE sweep_point SET levels = '[99,0]' WHERE levels = '[0,0]'",
    "UPDATE sweep_point SET levels = '[-1,0]' WHERE levels = '[0,0]'",
    "UPDATE sweep_point SET levels = '[4294967297,1e99]' WHERE levels = '[0,0]'",
    "UPDATE sweep_point SET levels = '{\"a\": 1}' WHERE levels = '[0,0]'",
    "UPDATE sweep_point SET steps = -5",
    "UPDATE sweep_point SET point = 999",
    "INSERT INTO sweep_point SELECT sweep, '[0,0,0]', steps, point FROM sweep_point WHERE levels = "
    "'[0,0]'",
    "UPDATE sweep SET axes = 'x', file = ''",
    "UPDATE sweep SET base = 999, measurement = ''",
    "UPDATE sweep SET id = 9223372036854775807",
    "UPDATE base SET configuration = 'x'",
    "UPDATE base SET configuration = '[]', key = x''",
    "UPDATE program SET version = ''",
    "DELETE FROM base",
    "DELETE FROM point",
    "DELETE FROM sweep",
    "DELETE FROM program",
    "DELETE FROM sweep_point",
    "DROP TABLE figure",
    "DROP TABLE sweep_point",
    "DROP TABLE point",
    "DROP TABLE note",
    "DROP VIEW result",
    "DROP TABLE figure; CREATE TABLE figure (point, further)",
    "DROP TABLE program; CREATE TABLE program (id, version)",
    "ALTER TABLE point ADD COLUMN more TEXT NOT NULL DEFAULT 'x'",
    "ALTER TABLE point RENAME COLUMN status TO state",
    "CREATE TABLE q AS SELECT * FROM point; DROP TABLE point; ALTER TABLE q RENAME TO point; "
    "UPDATE point SET status = x'00', wall_seconds = 'abc', steps = 'x', finished = NULL",
    "CREATE TABLE q AS SELECT * FROM sweep_point; DROP TABLE sweep_point; ALTER TABLE q RENAME TO "
    "sweep_point; "
    "UPDATE sweep_point SET levels = NULL, point = NULL",
    "CREATE TRIGGER t BEFORE INSERT ON point BEGIN SELECT RAISE(IGNORE); END; DELETE FROM point",
    "CREATE TRIGGER t BEFORE INSERT ON sweep BEGIN SELECT RAISE(ABORT, 'no'); END",
    "CREATE TRIGGER t BEFORE INSERT ON base BEGIN SELECT RAISE(IGNORE); END; DELETE FROM base",
    "CREATE TRIGGER t AFTER INSERT ON point BEGIN DELETE FROM point; END; DELETE FROM point",
    "DROP VIEW result; CREATE VIEW result AS SELECT * FROM result",
    "DROP VIEW configuration; CREATE VIEW configuration AS SELECT 1 AS point, x'00ff' AS configuration",
    "PRAGMA user_version = 0",
    "PRAGMA user_version = 2147483647",
    "PRAGMA application_id = 0",
    "PRAGMA application_id = 0; PRAGMA user_version = 0"};

// Within its pages, or of the file.
void damage_file(Draw& draw, Case& c, std::string& bytes) {
  const int kind = draw.from(0, 9);
  if (kind < 5) {
    for (int changes = draw.from(1, 30); changes > 0; --changes)
      bytes[draw.from<std::size_t>(0, bytes.size() - 1)] = static_cast<char>(draw.from(0, 255));
  } else if (kind < 6) {
    bytes[draw.from<std::size_t>(0, 99)] = static_cast<char>(draw.from(0, 255));  // its heading
  } else if (kind < 8) {
    mutate_bytes(draw, bytes);
  } else if (kind < 9) {
    const std::size_t page = 4096, pages = bytes.size() / page;
    bytes.replace(draw.from<std::size_t>(0, pages - 1) * page, page,
                  bytes.substr(draw.from<std::size_t>(0, pages - 1) * page, page));
  } else {
    std::string log = bytes.substr(0, draw.from<std::size_t>(0, bytes.size()));
    if (draw.chance(50)) log = "\x37\x7f\x06\x82" + log.substr(std::min<std::size_t>(log.size(), 4));
    c.files.emplace_back(kStore + std::string(draw.one_of({"-wal", "-shm", "-journal"})), log);
  }
}

void damage(Draw& draw, Case& c, std::string& bytes) {
  if (draw.chance(60)) {
    for (int changes = draw.from(1, 2); changes > 0; --changes) {
      try {
        bytes = changed_store(bytes, kDamages[draw.from<std::size_t>(0, std::size(kDamages) - 1)]);
      } catch (const std::runtime_error&) {  // what is to be changed is lost already
      }
    }
  } else {
    damage_file(draw, c, bytes);
  }
}

// Of rows that there are, of none, without an end, or with more than there is room for.
std::string any_question(Draw& draw) {
  return pick(
      draw,
      std::vector<std::string>{
          "SELECT * FROM result",
          "SELECT * FROM result",
          "SELECT * FROM configuration",
          "SELECT settings ->> 'queue_depth' AS depth, min(joules_per_step) FROM result GROUP BY 1",
          "SELECT * FROM point, figure, sweep_point, sweep, base",
          "SELECT name, sql FROM sqlite_master",
          "SELECT key, hex(key) FROM point",
          "",
          " ",
          ";",
          "-- nothing",
          "SELECT",
          "SELECT nobody FROM result",
          "SELECT 1; SELECT 2",
          "SELECT 1; DROP TABLE point",
          "DROP TABLE point",
          "INSERT INTO program (version) VALUES ('x')",
          "DELETE FROM point RETURNING id",
          "PRAGMA user_version = 7",
          "PRAGMA table_info(point)",
          "PRAGMA journal_mode = DELETE",
          "PRAGMA writable_schema = 1",
          "ATTACH DATABASE 'other.sqlite' AS other",
          "VACUUM INTO 'copy.sqlite'",
          "BEGIN EXCLUSIVE",
          "SELECT load_extension('libc.so.6')",
          "SELECT zeroblob(10000000)",
          "SELECT hex(zeroblob(20000000))",
          "SELECT zeroblob(2000000000)",
          "SELECT printf('%.*c', 200000000, 'x')",
          "SELECT char(0, 27, 55296, 1114112), CAST(x'ff00fe' AS TEXT), 9e999, -9e999, -9223372036854775808, "
          "''",
          "SELECT json('{')",
          "SELECT abs(-9223372036854775808)",
          "SELECT 1 AS \"a,b\", 2 AS \"\", 3 AS '\"', 'x' || char(10) || '\"y\"'",
          "SELECT ?, :name, @other",
          "EXPLAIN SELECT * FROM result",
          "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 100000) SELECT i FROM n",
          "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 3000000) SELECT sum(i) FROM "
          "n"});
}

// Without an end, silently or not: each takes as long as it is let.
std::string endless_question(Draw& draw) {
  const std::string numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT ";
  return numbers + draw.one_of({"count(*) FROM n", "i FROM n", "group_concat(i) FROM n"});
}

}  // namespace

Case store(const Maker& m) {
  Case c;
  const StoredSweep& known = pick(m.draw, m.stock.sweeps);
  std::string bytes = known.store;
  c.right = m.draw.chance(10);
  if (!c.right) damage(m.draw, c, bytes);
  c.arguments = {"sweep", "s.json", "--store", kStore, "--workers", "1"};
  if (m.draw.chance(60))
    c.arguments.insert(c.arguments.end(), {"--csv", m.draw.chance(80) ? "all.csv" : "-"});
  if (m.draw.chance(20)) c.arguments.emplace_back("--retry");
  if (m.draw.chance(20))
    c.arguments = {"sweep", "--store", kStore, "--query",
                   m.draw.one_of({"SELECT * FROM result", "SELECT * FROM configuration"})};
  c.files.emplace_back("s.json", known.file.dump());
  c.files.emplace_back(kStore, bytes);
  for (const auto& file : known.data) c.files.push_back(file);
  return c;
}

Case query(const Maker& m) {
  Case c;
  std::string bytes = pick(m.draw, m.stock.sweeps).store;
  if (m.draw.chance(20)) damage(m.draw, c, bytes);
  std::string question = m.draw.chance(1) ? endless_question(m.draw) : any_question(m.draw);
  if (m.draw.chance(20)) {
    mutate_text(m.draw, question);
    question.erase(std::remove(question.begin(), question.end(), '\0'), question.end());
  }
  c.arguments = {"sweep", "--store", kStore, "--query", question.substr(0, 100'000)};
  c.files.emplace_back(kStore, bytes);
  return c;
}

}  // namespace anzan::fuzz
