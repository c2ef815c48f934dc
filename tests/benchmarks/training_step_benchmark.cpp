// The real training step of LeNet (batch 64) and of ResNet-20 (batch 128), values only: images a second for
// each format and number of threads. The whole encoded program runs; nothing is left out but reading the data
// set.
//
//   build/release/tests/benchmarks/training_step_benchmark
#include <benchmark/benchmark.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "compiler/input/network.hpp"
#include "sim/engines/executor.hpp"
#include "tests/compiler/test_chip.hpp"

namespace {

using namespace anzan;

compiler::CompiledModel compiled(const std::string& network, std::int64_t batch, isa::Format format) {
  std::ifstream file(ANZAN_SOURCE_DIR "/workloads/networks/" + network + ".json");
  const int width = format == isa::Format::kInt8 ? 8 : 16;
  const isa::Rounding rounding = width == 8 ? isa::Rounding::kStochastic : isa::Rounding::kNearestEven;
  compiler::TrainingParameters training;
  training.batch = batch;
  return compiler::compile({compiler::parse_network(nlohmann::json::parse(file)),
                            testing::uniform_precision(format, width, rounding), training,
                            compiler::ChipParameters{}});
}

void training_step(benchmark::State& state, const std::string& network, std::int64_t batch,
                   isa::Format format) {
  const compiler::CompiledModel model = compiled(network, batch, format);
  testing::TestChip chip(model);
  chip.prepare(1, 0.01);
  sim::Executor executor(chip.core(), static_cast<int>(state.range(0)));
  sim::LoadedProgram step =
      executor.load(model.programs[compiler::ProgramKind::kStep], sim::Executor::Order::kOfProgram);
  std::uint32_t number = 0;
  for (auto _ : state) {
    chip.core().settings.set_step(++number);
    executor.run(step);
  }
  state.SetItemsProcessed(state.iterations() * model.training.batch);
  state.counters["instructions"] = static_cast<double>(step.instructions().size());
  state.counters["dropped"] = static_cast<double>(step.dropped_copies());
}

void add(const std::string& network, std::int64_t batch) {
  for (const isa::Format format : {isa::Format::kInt8, isa::Format::kInt16, isa::Format::kFp32})
    benchmark::RegisterBenchmark(
        (network + "/" + isa::name(format)).c_str(),
        [=](benchmark::State& state) { training_step(state, network, batch, format); })
        ->Arg(1)
        ->Arg(2)
        ->MeasureProcessCPUTime()
        ->UseRealTime()
        ->Unit(benchmark::kMillisecond);
}

}  // namespace

int main(int argc, char** argv) {
  add("lenet", 64);
  add("resnet20", 128);
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}
