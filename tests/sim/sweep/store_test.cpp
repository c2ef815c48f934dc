// The store of sweeps: what is written is found again, once, by whoever asks; what is no store is refused.
#include "sim/sweep/store.hpp"

#include <SQLiteCpp/SQLiteCpp.h>
#include <gmock/gmock.h>
#include <unistd.h>

#include <fstream>

#include "compiler/input/input_error.hpp"
#include "sim/host/sha256.hpp"
#include "sim/sweep/query.hpp"
#include "sim/sweep/store_merge.hpp"

namespace anzan::sim::store_test {
namespace {

using compiler::InputError;
using Json = nlohmann::json;
namespace fs = std::filesystem;

class StoreTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const std::string name = ::testing::UnitTest::GetInstance()->current_test_info()->name();
    directory_ = fs::temp_directory_path() / ("anzan_store_" + name + std::to_string(::getpid()));
    fs::create_directories(directory_);
  }
  void TearDown() override { fs::remove_all(directory_); }

  fs::path directory_;
};

std::string key_of(const std::string& text) { return Sha256::of(text.data(), text.size()); }

PointRecord record(const std::string& text, double cycles, OutcomeKind kind = OutcomeKind::kDone) {
  PointRecord r;
  r.name.key = key_of(text);
  r.point.kind = kind;
  r.point.message = kind == OutcomeKind::kDone ? "" : "why of " + text;
  r.point.figures = take_figures(
      {{"time", {{"cycles_per_step", cycles}, {"seconds_per_step", 0.5}, {"images_per_second", 128}}},
       {"x", 0.1}},
      {Json::json_pointer("/x")});
  r.point.wall_seconds = 0.25;
  r.host = "here";
  r.configuration = {{"text", text}};
  return r;
}

SweepRecord sweep(const std::string& name = "sweep") {
  SweepRecord s;
  s.name = name;
  s.file = "{}";
  s.source = {{"base", 1}};
  s.axes = Json::parse(R"([{"name": "/chip/lanes", "levels": [4, 8, 16]},
                           {"name": "both", "levels": [{"/a": true, "/b": "x\"y"}, {"/a": false, "/b": null}]}])");
  return s;
}

std::vector<QueryRow> rows_of(const fs::path& store, const std::string& sql) {
  Query query(store, sql);
  std::vector<QueryRow> rows;
  for (QueryRow row; query.next(row);) rows.push_back(row);
  return rows;
}

TEST_F(StoreTest, WhatIsWrittenIsFoundAgain) {
  const fs::path file = directory_ / "s p#a?c%e.sqlite";
  std::int64_t id = 0, sweep_id = 0;
  {
    Store store(file, "1+a");
    store.write([&] {
      sweep_id = store.put_sweep(sweep());
      id = store.put_point(record("p", 1e15 + 1));
      store.put_in_sweep(sweep_id, {2, 0}, 0, id);
    });
  }
  Store store(file, "1+a", StoreAccess::kRead);
  EXPECT_EQ(store.find(record("p", 0).name), id);
  EXPECT_EQ(store.find(record("q", 0).name), std::nullopt);
  const StoredPoint found = store.find_in_sweep(sweep_id, {2, 0}, 0).value();
  EXPECT_EQ(found.kind, OutcomeKind::kDone);
  EXPECT_EQ(found.wall_seconds, 0.25);
  EXPECT_EQ(found.figures.at(Json::json_pointer("/time/cycles_per_step")), 1e15 + 1);
  EXPECT_EQ(found.figures.at(Json::json_pointer("/x")), 0.1);
  EXPECT_EQ(found.figures.at(Json::json_pointer("/energy/joules_per_step")), std::nullopt);
  EXPECT_TRUE(found.figures.has({Json::json_pointer("/x"), Json::json_pointer("/accuracy/test")}));
  EXPECT_FALSE(found.figures.has({Json::json_pointer("/y")}));
  EXPECT_EQ(store.find_in_sweep(sweep_id, {2, 1}, 0), std::nullopt);
  EXPECT_EQ(store.find_in_sweep(sweep_id, {2, 0}, 5), std::nullopt);
  EXPECT_EQ(store.configuration(id), Json({{"text", "p"}}));
  const std::vector<QueryRow> rows = rows_of(
      file, "SELECT settings, settings ->> '/chip/lanes', images_per_second, further ->> '/x' FROM result");
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(Json::parse(rows[0][0].get<std::string>()),
            Json::parse(R"({"/chip/lanes": 16, "both": {"/a": true, "/b": "x\"y"}})"));
  EXPECT_EQ(rows[0][1], 16);
  EXPECT_EQ(rows[0][2], 128.0);
  EXPECT_EQ(rows[0][3], 0.1);
}

// A row belongs to one version, one measurement and one number of steps.
TEST_F(StoreTest, OneRowOfEachName) {
  const fs::path file = directory_ / "s.sqlite";
  Store store(file, "1+a"), other(file, "1+b");
  PointRecord shorter = record("p", 7), trained = record("p", 7);
  shorter.name.measurement = trained.name.measurement = Measurement::kTraining;
  shorter.name.steps = 10;
  std::set<std::int64_t> ids;
  const auto all = [&](Store& s) {
    s.write([&] {
      for (const PointRecord& r : {record("p", 7), shorter, trained}) ids.insert(s.put_point(r));
    });
  };
  all(store);
  all(store);
  EXPECT_EQ(ids.size(), 3U);
  EXPECT_EQ(other.find(shorter.name), std::nullopt);
  all(other);
  EXPECT_EQ(ids.size(), 6U);
  EXPECT_EQ(rows_of(file, "SELECT count(*), count(DISTINCT key) FROM point")[0], QueryRow({6, 1}));
}

TEST_F(StoreTest, ARowThatIsDoneOnlyGainsFiguresOneThatHasFailedIsReplaced) {
  const fs::path file = directory_ / "s.sqlite";
  Store store(file, "1");
  PointRecord again = record("p", 9);
  again.point.figures.further = {{"/y", 5}, {"/none", nullptr}};
  std::int64_t id = 0;
  store.write([&] { id = store.put_point(record("p", 7, OutcomeKind::kFailed)); });
  EXPECT_EQ(store.read(id).message, "why of p");
  EXPECT_EQ(store.read(id).figures.at(Json::json_pointer("/time/cycles_per_step")), std::nullopt);
  store.write([&] { EXPECT_EQ(store.put_point(record("p", 8)), id); });
  store.write([&] { EXPECT_EQ(store.put_point(again), id); });
  store.write([&] { EXPECT_EQ(store.put_point(record("p", 1, OutcomeKind::kFailed)), id); });
  const StoredPoint found = store.read(id);
  EXPECT_EQ(found.kind, OutcomeKind::kDone);
  EXPECT_EQ(found.message, "");
  EXPECT_EQ(found.figures.at(Json::json_pointer("/time/cycles_per_step")), 8);
  EXPECT_EQ(found.figures.further, Json::parse(R"({"/x": 0.1, "/y": 5, "/none": null})"));
}

// Whatever differs from the base, and where there is a null, which a patch cannot say.
TEST_F(StoreTest, ConfigurationsComeBack) {
  const fs::path file = directory_ / "s.sqlite";
  Store store(file, "1");
  const Json base = Json::parse(R"({"a": {"b": [1, 2, {"c": 3}], "d": 1e-7}, "e": "é\u0001\"", "f": true})");
  store.write([&] {
    const std::int64_t id = store.put_base(base);
    EXPECT_EQ(store.put_base(base), id);
    for (const char* text : {R"({"a": {"b": [1, 2, {"c": 3}], "d": 1e-7}, "e": "é\u0001\"", "f": true})",
                             R"({"a": {"b": [2], "d": 0.30000000000000004}, "g": {"new": {}}, "f": true})",
                             R"({"a": {"b": [null, 2], "d": -9007199254740993}, "e": "", "f": false})",
                             R"({"a": null, "e": "x", "f": true})", R"({})"}) {
      const Json configuration = Json::parse(text);
      PointRecord r = record(text, 1);
      set_configuration(r, id, base, configuration);
      EXPECT_EQ(store.configuration(store.put_point(r)), configuration) << text;
    }
  });
  EXPECT_EQ(rows_of(file, "SELECT count(*) FROM point WHERE base IS NULL")[0][0], 1);
  EXPECT_LT(rows_of(file, "SELECT min(length(configuration)) FROM point")[0][0], 3);
}

TEST_F(StoreTest, SweepsAreKnownByWhatTheirLevelsMean) {
  Store store(directory_ / "s.sqlite", "1"), other(directory_ / "s.sqlite", "2");
  std::set<std::int64_t> ids;
  const auto put = [&](Store& s, const SweepRecord& r) {
    std::int64_t id = 0;
    s.write([&] { id = s.put_sweep(r); });
    ids.insert(id);
    return id;
  };
  SweepRecord text = sweep(), source = sweep(), training = sweep();
  text.file = "{ }";
  source.source = 2;
  training.measurement = Measurement::kTraining;
  EXPECT_EQ(put(store, sweep()), put(store, text));
  put(store, source);
  put(store, training);
  put(store, sweep("other"));
  put(other, sweep());
  EXPECT_EQ(ids.size(), 5U);
}

TEST_F(StoreTest, NothingStaysOfATransactionThatFails) {
  Store store(directory_ / "s.sqlite", "1");
  EXPECT_THROW(store.write([&] {
    store.put_point(record("p", 1));
    throw std::runtime_error("no");
  }),
               std::runtime_error);
  EXPECT_EQ(store.find(record("p", 1).name), std::nullopt);
  store.write([&] { store.put_point(record("p", 1)); });
  EXPECT_NE(store.find(record("p", 1).name), std::nullopt);
}

// Whatever somebody has made of its rows and tables: the file is named, and no row is believed.
TEST_F(StoreTest, DamageIsToldOfTheFile) {
  const Space space(std::vector<Axis>(2, Axis{"a", {Settings{}, Settings{}, Settings{}}}));
  for (const char* const sql :
       {"UPDATE point SET status = 'strange'", "UPDATE figure SET further = '{'",
        "UPDATE figure SET further = '[1]'", "UPDATE sweep_point SET levels = '[3,0]'",
        "UPDATE sweep_point SET levels = '[1]'", "UPDATE sweep_point SET levels = '[1,-1]'",
        "UPDATE sweep_point SET levels = '[1, 0]'", "UPDATE sweep_point SET levels = 'x'",
        "DROP TABLE figure", "ALTER TABLE point RENAME COLUMN status TO state",
        "CREATE TRIGGER t BEFORE INSERT ON sweep BEGIN SELECT RAISE(IGNORE); END; DELETE FROM sweep",
        "CREATE TRIGGER t BEFORE INSERT ON base BEGIN SELECT RAISE(IGNORE); END; DELETE FROM base",
        "CREATE TRIGGER t BEFORE INSERT ON program BEGIN SELECT RAISE(IGNORE); END; DELETE FROM program",
        "CREATE TRIGGER t BEFORE INSERT ON sweep_point BEGIN SELECT RAISE(ABORT, 'no'); END"}) {
    const fs::path file = directory_ / "s.sqlite";
    fs::remove(file);
    const auto use = [&] {
      Store store(file, "1");
      std::int64_t id = 0;
      store.write([&] {
        store.put_base({{"a", 1}});
        id = store.put_sweep(sweep());
        store.put_in_sweep(id, {1, 0}, 0, store.put_point(record("p", 7)));
      });
      store.find_in_sweep(id, {1, 0}, 0);
      store.each_of_sweep(
          id, [&](const char* levels, std::int64_t, const StoredPoint&) { store.levels_of(levels, space); });
      store.close();
    };
    use();
    SQLite::Database(file, SQLite::OPEN_READWRITE).exec(sql);
    try {
      use();
      ADD_FAILURE() << sql;
    } catch (const InputError& error) {
      EXPECT_THAT(error.what(),
                  testing::StartsWith("--store: found " + file.string() + ", which is damaged: "))
          << sql;
    }
  }
}

TEST_F(StoreTest, MergedRowsAreThereOnce) {
  const fs::path a = directory_ / "a.sqlite", b = directory_ / "it's b.sqlite";
  const auto fill = [&](const fs::path& file, int from, int to) {
    Store store(file, "1", StoreAccess::kShared);
    store.write([&] {
      const std::int64_t base = store.put_base({{"file", file.string()}});
      SweepRecord s = sweep();
      s.base = base;
      const std::int64_t id = store.put_sweep(s);
      for (int i = from; i < to; ++i) {
        PointRecord r = record(std::to_string(i), i, i % 3 == 0 ? OutcomeKind::kFailed : OutcomeKind::kDone);
        r.base = base;
        store.put_in_sweep(id, {0, static_cast<std::uint32_t>(i)}, 0, store.put_point(r));
      }
    });
  };
  fill(a, 0, 10);
  fill(b, 5, 20);
  for (int i = 0; i < 2; ++i) merge_store(a, b);
  EXPECT_EQ(rows_of(a,
                    "SELECT count(*), count(DISTINCT levels), count(DISTINCT point), count(cycles_per_step) "
                    "FROM result")[0],
            QueryRow({20, 20, 20, 13}));
  EXPECT_EQ(
      rows_of(
          a,
          "SELECT count(*) FROM result WHERE '[0,' || cast(cycles_per_step AS INTEGER) || ']' != levels")[0]
                                                                                                         [0],
      0);
  EXPECT_EQ(
      rows_of(a,
              "SELECT count(*) FROM configuration WHERE configuration ->> '$.file' LIKE '%it''s b%'")[0][0],
      10);
  EXPECT_EQ(rows_of(a, "PRAGMA integrity_check")[0][0], "ok");
}

TEST_F(StoreTest, WhatIsNoStoreIsRefused) {
  const fs::path text = directory_ / "text", foreign = directory_ / "foreign.sqlite",
                 old = directory_ / "old.sqlite";
  std::ofstream(text) << std::string(5000, 'x');
  { const Store store(old, "1"); }
  for (const auto access : {StoreAccess::kWrite, StoreAccess::kShared, StoreAccess::kRead}) {
    EXPECT_THROW(Store(text, "1", access), InputError);
    EXPECT_THROW(Store(directory_, "1", access), InputError);
    EXPECT_THROW(Store(directory_ / "none" / "s.sqlite", "1", access), InputError);
  }
  EXPECT_EQ(fs::file_size(text), 5000U);
  EXPECT_THROW(Store(directory_ / "new.sqlite", "1", StoreAccess::kRead), InputError);
  EXPECT_FALSE(fs::exists(directory_ / "new.sqlite"));
  EXPECT_THROW(merge_store(old, text), InputError);
}

TEST_F(StoreTest, QueriesChangeNothing) {
  const fs::path file = directory_ / "s.sqlite";
  Store store(file, "1");
  store.write([&] { store.put_point(record("p", 1)); });
  EXPECT_THROW(rows_of(file, "SELEC 1"), InputError);
  EXPECT_THROW(rows_of(file, ""), InputError);
  EXPECT_THROW(rows_of(file, "DELETE FROM point"), InputError);
  EXPECT_THROW(rows_of(file, "DELETE FROM point RETURNING id"), InputError);
  EXPECT_EQ(rows_of(file, "SELECT hex(x), x, NULL, 1.5, 'a' FROM (SELECT x'0aff' AS x)")[0],
            QueryRow({"0AFF", "0aff", nullptr, 1.5, "a"}));
  EXPECT_EQ(rows_of(file, "SELECT count(*) FROM point")[0][0], 1);
}

// Nothing without an end is silent, and nothing takes all memory.
TEST_F(StoreTest, QueriesHaveLimitsAndTellThatTheyGoOn) {
  const fs::path file = directory_ / "s.sqlite";
  Store(file, "1").write([] {});
  EXPECT_THROW(rows_of(file, "SELECT hex(zeroblob(40000000))"), InputError);
  EXPECT_THROW(rows_of(file, "SELECT zeroblob(70000000)"), InputError);
  struct Observer final : models::WorkObserver {
    void begin(const std::string&, std::int64_t) override {}
    void done(std::int64_t) override { ++calls; }
    int calls = 0;
  } observer;
  Query query(
      file,
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 100000) SELECT count(*) FROM n",
      observer);
  QueryRow row;
  EXPECT_TRUE(query.next(row));
  EXPECT_EQ(row, QueryRow({100000}));
  EXPECT_GT(observer.calls, 5);
}

}  // namespace
}  // namespace anzan::sim::store_test
