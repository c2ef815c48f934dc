// One dry run (time without values) of LeNet's training step, batch 64, on the clocked models of the default
// chip: host time a step, simulated core cycles a second.
//
//   build/release/tests/benchmarks/dry_step_benchmark
#include <benchmark/benchmark.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "compiler/input/network.hpp"
#include "isa/program.hpp"
#include "models/clocked/core.hpp"
#include "tests/compiler/test_chip.hpp"

namespace {

using namespace anzan;

compiler::CompiledModel lenet(isa::Format format) {
  std::ifstream file(ANZAN_SOURCE_DIR "/workloads/networks/lenet.json");
  const int width = format == isa::Format::kInt8 ? 8 : 16;
  return compiler::compile({compiler::parse_network(nlohmann::json::parse(file)),
                            testing::uniform_precision(format, width, isa::Rounding::kStochastic),
                            compiler::TrainingParameters{}, compiler::ChipParameters{}});
}

void dry_step(benchmark::State& state, isa::Format format, models::HbmScheduling scheduling) {
  const isa::Program step = isa::decode(lenet(format).programs[compiler::ProgramKind::kStep]);
  models::clocked::CoreParameters parameters;
  parameters.hbm.scheduling = scheduling;
  models::clocked::ClockedCore core(parameters);
  std::int64_t cycles = 0;
  models::ProgramTiming timing;
  for (auto _ : state) {
    timing = core.run(step);
    cycles += timing.cycles;
  }
  state.counters["cycles_per_step"] = static_cast<double>(timing.cycles);
  state.counters["hbm_lines_per_step"] =
      static_cast<double>(timing.hbm.read_requests + timing.hbm.write_requests);
  state.counters["cycles_per_second"] =
      benchmark::Counter(static_cast<double>(cycles), benchmark::Counter::kIsRate);
}

constexpr auto kFrFcfs = models::HbmScheduling::kFrFcfs;
BENCHMARK_CAPTURE(dry_step, int8, isa::Format::kInt8, kFrFcfs)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(dry_step, int8_in_order, isa::Format::kInt8, models::HbmScheduling::kInOrder)
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(dry_step, int16, isa::Format::kInt16, kFrFcfs)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(dry_step, fp32, isa::Format::kFp32, kFrFcfs)->Unit(benchmark::kMillisecond);

}  // namespace

BENCHMARK_MAIN();
