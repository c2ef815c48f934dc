// Offsets of buffers: how long both gears take, and how far they stay from the lower bound.
#include <benchmark/benchmark.h>

#include "compiler/memory/offsets.hpp"
#include "tests/compiler/memory/allocation_problems.hpp"

namespace anzan {
namespace {

using compiler::OffsetGear;

void assign(benchmark::State& state, const std::vector<compiler::Buffer>& buffers, OffsetGear gear,
            std::int64_t nodes) {
  compiler::OffsetOptions options;
  options.gear = gear;
  options.most_nodes = nodes;
  compiler::Assignment plan;
  for (auto _ : state) plan = compiler::assign_offsets(buffers, options);
  state.counters["buffers"] = static_cast<double>(buffers.size());
  state.counters["gap_percent"] = plan.gap_percent();
  state.counters["nodes"] = static_cast<double>(plan.nodes);
}

void training_plan_fast(benchmark::State& state) {
  std::mt19937_64 random(1);
  assign(state, tests::training_plan(random, static_cast<int>(state.range(0)), 200), OffsetGear::kFast, 0);
}
BENCHMARK(training_plan_fast)->Arg(1)->Arg(25)->Arg(250)->Unit(benchmark::kMillisecond);

void random_buffers_fast(benchmark::State& state) {
  std::mt19937_64 random(1);
  assign(state, tests::random_buffers(random, static_cast<std::size_t>(state.range(0)), 1 << 20, 1 << 20),
         OffsetGear::kFast, 0);
}
BENCHMARK(random_buffers_fast)->Arg(300)->Arg(10'000)->Arg(100'000)->Unit(benchmark::kMillisecond);

void full_packing_exact(benchmark::State& state) {
  std::mt19937_64 random(1);
  assign(state, tests::full_packing(random, 1 << 20, 1 << 20, static_cast<std::size_t>(state.range(0))),
         OffsetGear::kExact, 200'000);
}
BENCHMARK(full_packing_exact)->Arg(50)->Arg(150)->Arg(300)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace anzan

BENCHMARK_MAIN();
