// The real training step of LeNet, batch 64, values only: images a second for each format
// and number of threads. The whole encoded program runs; nothing is left out but reading the data set.
//
//   build/release/tests/benchmarks/training_step_benchmark
#include <benchmark/benchmark.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "compiler/input/network.hpp"
#include "sim/engines/executor.hpp"
#include "tests/compiler/test_chip.hpp"

namespace {

using namespace anzan;

compiler::CompiledModel lenet(isa::Format format) {
  std::ifstream file(ANZAN_SOURCE_DIR "/workloads/networks/lenet.json");
  const int width = format == isa::Format::kInt8 ? 8 : 16;
  const isa::Rounding rounding = width == 8 ? isa::Rounding::kStochastic : isa::Rounding::kNearestEven;
  return compiler::compile({compiler::parse_network(nlohmann::json::parse(file)),
                            testing::uniform_precision(format, width, rounding),
                            compiler::TrainingParameters{}, compiler::ChipParameters{}});
}

void training_step(benchmark::State& state, isa::Format format) {
  const compiler::CompiledModel model = lenet(format);
  testing::TestChip chip(model);
  chip.prepare(1, 0.01);
  sim::Executor executor(chip.core(), static_cast<int>(state.range(0)));
  sim::LoadedProgram step = executor.load(model.programs[compiler::ProgramKind::kStep]);
  std::uint32_t number = 0;
  for (auto _ : state) {
    chip.core().settings.set_step(++number);
    executor.run(step);
  }
  state.SetItemsProcessed(state.iterations() * model.training.batch);
  state.counters["instructions"] = static_cast<double>(step.instructions().size());
}

BENCHMARK_CAPTURE(training_step, int8, isa::Format::kInt8)
    ->Arg(1)
    ->Arg(2)
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(training_step, int16, isa::Format::kInt16)
    ->Arg(1)
    ->Arg(2)
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(training_step, fp32, isa::Format::kFp32)
    ->Arg(1)
    ->Arg(2)
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

}  // namespace

BENCHMARK_MAIN();
