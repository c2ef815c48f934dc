// What a point of a sweep costs the host, by what it does not share with the points before it: nothing but a
// price, a dry run, or a program.
//
//   build/release/tests/benchmarks/sweep_benchmark
#include <benchmark/benchmark.h>

#include <stdexcept>
#include <string>

#include "sim/configuration/json_input.hpp"
#include "sim/sweep/evaluator.hpp"

namespace {

using namespace anzan::sim;
namespace fs = std::filesystem;

// INT8, batch 64.
nlohmann::json lenet() {
  return read_json_file(fs::path(ANZAN_SOURCE_DIR) / "workloads/configs/lenet_mnist_int8.json");
}
// INT8, batch 16.
nlohmann::json alexnet() {
  nlohmann::json base =
      read_json_file(fs::path(ANZAN_SOURCE_DIR) / "workloads/configs/resnet20_cifar10_int8.json");
  base["network"] = "../networks/alexnet.json";
  base["dataset"] = {{"kind", "synthetic"}};
  base["training"]["batch"] = 16;
  return base;
}

// The point number `n` of an axis on which all are different.
Settings point(const std::string& pointer, double first, double step, std::int64_t n) {
  return {{nlohmann::json::json_pointer(pointer), first + step * static_cast<double>(n)}};
}
Settings of_price(std::int64_t n) { return point("/technology/static/core/mw", 1, 0.001, n); }
Settings of_ratio(std::int64_t n) { return point("/chip/clock_ghz", 0.8, 0.001, n); }
Settings of_program(std::int64_t n) {
  return {{nlohmann::json::json_pointer("/chip/scratchpad_kib"), 1024 + 16 * n}};
}

Evaluator evaluator(nlohmann::json (*base)()) {
  return {base(), fs::path(ANZAN_SOURCE_DIR) / "workloads/configs"};
}

void check(benchmark::State& state, nlohmann::json (*base)()) {
  Evaluator points = evaluator(base);
  std::int64_t n = 0;
  for (auto _ : state) benchmark::DoNotOptimize(points.check(of_price(n++)));
}

void cost(benchmark::State& state, nlohmann::json (*base)(), Settings (*settings)(std::int64_t n)) {
  Evaluator points = evaluator(base);
  points.cost({});
  std::int64_t n = 0;
  for (auto _ : state) {
    const Outcome outcome = points.cost(settings(n++));
    if (outcome.kind != OutcomeKind::kDone) throw std::runtime_error(outcome.message);
  }
}

#define ANZAN_BENCHMARK(network)                                                                  \
  BENCHMARK_CAPTURE(check, network, network)->Unit(benchmark::kMillisecond);                      \
  BENCHMARK_CAPTURE(cost, network##_new_price, network, of_price)->Unit(benchmark::kMillisecond); \
  BENCHMARK_CAPTURE(cost, network##_new_ratio, network, of_ratio)->Unit(benchmark::kMillisecond); \
  BENCHMARK_CAPTURE(cost, network##_new_program, network, of_program)->Unit(benchmark::kMillisecond);
ANZAN_BENCHMARK(lenet)
ANZAN_BENCHMARK(alexnet)

}  // namespace

BENCHMARK_MAIN();
