// The HBM model: what the host needs for a line of 64 bytes, and what bandwidth and latency come out.
// Counters: GB/s simulated, of_peak (1: every clock of every data bus carries data), cycles a line. Names:
// preset, pattern, scheduling, requests under way.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "models/hbm.hpp"

namespace anzan::models {
namespace {

constexpr int kLanes = 16;
constexpr std::int64_t kCoreClockFs = 1000000;
constexpr std::int64_t kLines = 170000;

HbmParameters preset(const std::string& name) {
  std::ifstream file(std::string(ANZAN_SOURCE_DIR) + "/workloads/hbm/" + name + ".json");
  const nlohmann::json json = nlohmann::json::parse(file);
  HbmParameters p;
  for (const HbmField& field : hbm_fields()) p.*field.member = json.at(field.name).get<int>();
  return p;
}

enum Pattern { kStream, kTiles, kRandom };

// Random: an address out of a full-period generator. Tiles: 16 neighbouring lines, then 1024 further.
std::int64_t address(int pattern, std::int64_t k, std::int64_t lines) {
  if (pattern == kStream) return k;
  if (pattern == kTiles) return (k / 16 * 1024 + k % 16) % lines;
  return static_cast<std::int64_t>((static_cast<std::uint64_t>(k) * 0x9e3779b97f4a7c15U) >> 20) % lines;
}

void walk(benchmark::State& state, const std::string& name, int pattern, HbmScheduling scheduling,
          int outstanding, bool write) {
  HbmParameters parameters = preset(name);
  parameters.scheduling = scheduling;
  Hbm hbm(parameters, kLanes, kCoreClockFs);
  std::int64_t last = 0;
  for (auto _ : state) {
    hbm.reset();
    std::int64_t k = 0;
    last = hbm.run({0, outstanding, write}, kLines, [&] { return address(pattern, k++, hbm.lines()); });
    benchmark::DoNotOptimize(last);
  }
  const double ns = static_cast<double>(last + 1) * 1e-6 * static_cast<double>(kCoreClockFs);
  const double gb_per_s = static_cast<double>(kLines) * 4 * kLanes / ns;
  state.counters["GB/s"] = gb_per_s;
  state.counters["of_peak"] = gb_per_s / parameters.peak_gb_per_s();
  state.counters["cycles_a_line"] = static_cast<double>(last + 1) / static_cast<double>(kLines);
  state.counters["row_hits"] = static_cast<double>(hbm.counters().row_hits) / static_cast<double>(kLines);
  state.counters["host_time_a_line"] =
      benchmark::Counter(static_cast<double>(kLines),
                         benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}

void register_all() {
  const std::pair<const char*, HbmScheduling> schedulings[] = {{"fr_fcfs", HbmScheduling::kFrFcfs},
                                                               {"in_order", HbmScheduling::kInOrder}};
  const std::tuple<const char*, int, bool> patterns[] = {{"read", kStream, false},
                                                         {"write", kStream, true},
                                                         {"read_tiles", kTiles, false},
                                                         {"read_random", kRandom, false}};
  for (const char* name : {"hbm2_2000", "hbm1_1000", "hbm2_2400"}) {
    for (const auto& [pattern_name, pattern, write] : patterns) {
      for (const auto& [scheduling_name, scheduling] : schedulings) {
        for (const int outstanding : {1, 64, 128}) {
          if (outstanding == 1 && (write || pattern == kTiles)) continue;
          const std::string title = std::string(name) + "/" + pattern_name + "/" + scheduling_name + "/" +
                                    std::to_string(outstanding);
          benchmark::RegisterBenchmark(title.c_str(), walk, std::string(name), pattern, scheduling,
                                       outstanding, write)
              ->Unit(benchmark::kMillisecond);
        }
      }
    }
  }
}

}  // namespace
}  // namespace anzan::models

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  anzan::models::register_all();
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
