// The store of sweeps: rows a second as a sweep writes them, bytes of a row, and what questions to a million
// rows take.
#include <benchmark/benchmark.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>

#include "sim/host/sha256.hpp"
#include "sim/sweep/query.hpp"
#include "sim/sweep/sweep_report.hpp"

namespace anzan::sim {
namespace {

using Json = nlohmann::json;
namespace fs = std::filesystem;

constexpr std::uint32_t kLevels = 100;  // of each of three axes

SweepFile million() {
  Json axes = Json::array(), values = Json::array();
  for (std::uint32_t i = 1; i <= kLevels; ++i) values.push_back(i / 100.0);
  for (const char* key :
       {"/chip/clock_ghz", "/training/optimizer/weight_decay", "/training/optimizer/learning_rate/base"})
    axes.push_back(
        {{"pointer", key}, {"name", std::string("a") + std::to_string(axes.size())}, {"values", values}});
  return parse_sweep(
      {{"base", fs::path(ANZAN_SOURCE_DIR) / "workloads/configs/lenet_mnist_int8.json"},
       {"axes", axes},
       {"objectives",
        Json::parse(R"([{"figure": "/time/seconds_per_step"}, {"figure": "/energy/joules_per_step"}])")},
       {"sampler", {{"kind", "grid"}}}},
      "", "million");
}

// A store with the first points of the sweep, made once.
class FilledStore {
 public:
  FilledStore(const SweepFile& sweep, std::int64_t points, std::int64_t a_transaction)
      : file_(fs::temp_directory_path() / ("anzan_store_benchmark" + std::to_string(::getpid()) + ".sqlite")),
        run_(sweep, "{}", options()) {
    for (std::int64_t i = 0; i < points; i += a_transaction) {
      run_.store().write([&] {
        for (std::int64_t j = i; j < std::min(points, i + a_transaction); ++j)
          put(static_cast<std::uint32_t>(j));
      });
    }
  }
  ~FilledStore() {
    for (const char* end : {"", "-wal", "-shm"}) fs::remove(file_.string() + end);
  }
  FilledStore(const FilledStore&) = delete;
  FilledStore& operator=(const FilledStore&) = delete;

  SweepRun& run() { return run_; }
  std::uintmax_t bytes() const { return fs::file_size(file_); }
  const fs::path& file() const { return file_; }

 private:
  SweepOptions options() const {
    SweepOptions o;
    o.store = file_;
    return o;
  }

  void put(std::uint32_t i) {
    const Levels levels{i / kLevels / kLevels % kLevels, i / kLevels % kLevels, i % kLevels};
    const double a = 1 + levels[0], b = 1 + levels[1], c = 1 + levels[2];
    PointRecord r;
    r.name.key = Sha256::of(&i, sizeof i);
    r.point.figures = take_figures(
        {{"time",
          {{"cycles_per_step", 1e6 / a + b},
           {"seconds_per_step", std::sqrt(c) / a + 0.001 * b},
           {"images_per_second", 64 / (std::sqrt(c) / a + 0.001 * b)},
           {"utilization", {{"tensor", 1 / a}, {"vector", 1 / b}, {"dma", 1 / c}, {"network", 0}}}}},
         {"energy", {{"joules_per_step", a * c + std::sin(b)}}},
         {"traffic", {{"hbm_bytes_per_step", 1e6 * c}, {"interchip_bytes_per_step", 0}}},
         {"memory", {{"planned_bytes", 2465568}}}},
        {});
    r.host = "a-host-of-a-cluster";
    r.point.wall_seconds = r.point.cpu_seconds = 0.003 * b;
    r.configuration = {{"chip", {{"clock_ghz", a / 16}, {"hbm", {{"clock_ghz", b / 16}}}}},
                       {"training", {{"optimizer", {{"learning_rate", {{"base", c / 16}}}}}}}};
    r.base = 1;
    run_.store().put_in_sweep(run_.id(), levels, 0, run_.store().put_point(r));
  }

  fs::path file_;
  SweepRun run_;
};

void rows(benchmark::State& state) {
  const SweepFile sweep = million();
  constexpr std::int64_t kRows = 20'000;
  for (auto _ : state) {
    FilledStore store(sweep, kRows, state.range(0));
    state.counters["bytes_per_row"] = static_cast<double>(store.bytes()) / kRows;
  }
  state.SetItemsProcessed(state.iterations() * kRows);
}
BENCHMARK(rows)->ArgName("rows_in_a_transaction")->Arg(1)->Arg(8)->Arg(1000)->Unit(benchmark::kMillisecond);

void questions(benchmark::State& state) {
  const SweepFile sweep = million();
  FilledStore store(sweep, 1'000'000, 1000);
  state.counters["bytes_per_row"] = static_cast<double>(store.bytes()) / 1e6;
  const auto seconds_of = [&](const auto& work) {
    const auto start = std::chrono::steady_clock::now();
    work();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
  for (auto _ : state) {
    state.counters["front_s"] = seconds_of([&] { benchmark::DoNotOptimize(sweep_summary(store.run())); });
    state.counters["csv_s"] = seconds_of([&] { benchmark::DoNotOptimize(sweep_csv(store.run())); });
    state.counters["known_s"] = seconds_of([&] {
      store.run().run({}, [] { return false; });  // all points are found
    });
    state.counters["sql_s"] = seconds_of([&] {
      Query query(store.file(),
                  "SELECT count(*), min(joules_per_step) FROM figure WHERE seconds_per_step < 0.1");
      QueryRow row;
      while (query.next(row)) {
      }
    });
  }
}
BENCHMARK(questions)->Iterations(1)->Unit(benchmark::kSecond);

}  // namespace
}  // namespace anzan::sim

BENCHMARK_MAIN();
