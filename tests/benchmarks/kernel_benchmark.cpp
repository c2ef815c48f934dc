// How fast the units' kernels are, next to what this processor allows: the counter "of limit" is the share
// of the multiplications (tensor unit) or of the bytes of a memcpy (all else) that machine_limits measured.
// Arguments in the names: kernel set, then shape. Everything at 16 lanes.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdint>
#include <string>

#include "isa/program.hpp"
#include "models/core.hpp"
#include "models/dma.hpp"
#include "models/tensor_unit.hpp"
#include "models/vector_unit.hpp"
#include "tests/benchmarks/machine_limits.hpp"

namespace anzan {
namespace {

constexpr int kLanes = 16;
constexpr std::int64_t kScratchpadKib = 16384;

// Random bytes that are finite, moderate numbers as FP32 too; slots that neither saturate nor vanish.
models::Core benchmark_core() {
  models::Core core(kLanes, kScratchpadKib, 65536);
  std::uint32_t state = 1;
  for (std::int64_t k = 0; k < kScratchpadKib * 256; ++k) {
    state = state * 1664525U + 1013904223U;
    const std::uint32_t word = (state & 0x807fffffU) | (120U + (state >> 26 & 7U)) << 23;
    __builtin_memcpy(core.scratchpad() + 4 * k, &word, 4);
  }
  for (int slot = 1; slot < 64; ++slot) {
    core.settings.slot(slot).q_read = 6;
    core.settings.slot(slot).q_write = 3;
    core.settings.slot(slot).width = 8;
    if (slot % 2 == 0) core.settings.slot(slot).rounding = isa::Rounding::kStochastic;
  }
  return core;
}

int packed(isa::Format format) {
  return format == isa::Format::kInt8 ? 4 : format == isa::Format::kInt16 ? 2 : 1;
}

// Tiles of `rows` rows and `steps` steps; the words of a stay, those of b run, as in a forward convolution.
isa::Tensor tiles(isa::Format format, int rows, int steps, int count) {
  isa::Tensor t;
  t.format = t.out_format = format;
  t.reduce = 1;
  t.loops[6] = static_cast<std::uint16_t>(count);
  t.loops[7] = static_cast<std::uint16_t>(steps);
  t.a.stride[7] = 1;
  t.b.base = 2048;
  t.b.stride[7] = 1;
  t.b.stride[6] = 5;
  t.row_count = static_cast<std::uint8_t>(rows);
  t.mask = {0, kLanes};
  t.analyse = 1;
  t.slot_a = t.slot_b = 1;
  t.slot_o = 2;
  t.o.base = static_cast<std::uint32_t>(60000 * packed(format));
  t.o.stride[6] = (rows + packed(format) - 1) / packed(format) * packed(format);
  t.x.stride[6] = 256;
  t.x.row_stride = 16;
  t.x.lane_stride = 1;
  return t;
}

void tensor(benchmark::State& state, const models::kernels::KernelSet& kernels, isa::Format format, int rows,
            int steps) {
  models::Core core = benchmark_core();
  const int count = 256;
  models::TensorPlan planned = models::plan(tiles(format, rows, steps, count), models::MemorySizes(core));
  bind(planned, core);
  models::LocalStatistics statistics;
  for (auto _ : state) execute(planned, kernels, 0, planned.iterations, statistics);
  const auto tile_count = static_cast<double>(state.iterations()) * count;
  using benchmark::Counter;
  state.counters["MAC/s"] = Counter(tile_count * steps * rows * kLanes * packed(format), Counter::kIsRate);
  state.counters["row steps/s"] = Counter(tile_count * steps * rows, Counter::kIsRate);
  state.counters["tiles/s"] = Counter(tile_count, Counter::kIsRate);
  state.counters["elements/s"] = Counter(tile_count * rows * kLanes, Counter::kIsRate);
  // 16-bit operands take two products: one for each half of a, so that 32-bit sums do not overflow
  const benchmarks::MachineLimits& limits = benchmarks::machine_limits();
  const double products = format == isa::Format::kInt16 ? 2 : 1;
  const double limit = format == isa::Format::kFp32 ? limits.fp32_products : limits.int8_products;
  state.counters["of limit"] = Counter(tile_count * steps * rows * products / limit, Counter::kIsRate);
}

// Bytes read and written, as a share of what memcpy moves.
void count_bytes(benchmark::State& state, double bytes) {
  state.counters["of limit"] =
      benchmark::Counter(bytes / benchmarks::machine_limits().copy_bytes, benchmark::Counter::kIsRate);
}

isa::Operand rows_of(isa::Format format, std::uint32_t line) {
  isa::Operand o;
  o.kind = isa::OperandKind::kRows;
  o.format = format;
  o.slot = 1;
  o.at.base = line * static_cast<std::uint32_t>(packed(format));
  o.at.stride[6] = 4;
  o.at.stride[7] = 1;
  return o;
}

void vector(benchmark::State& state, const models::kernels::KernelSet& kernels,
            const isa::Vector& instruction) {
  models::Core core = benchmark_core();
  models::VectorPlan planned = models::plan(instruction, models::MemorySizes(core));
  bind(planned, core);
  models::LocalStatistics statistics;
  for (auto _ : state) execute(planned, kernels, 0, planned.iterations, statistics);
  using benchmark::Counter;
  const auto rows = static_cast<double>(state.iterations() * planned.iterations);
  state.counters["rows/s"] = Counter(rows, Counter::kIsRate);
  const double inputs = rows * static_cast<double>(planned.job.fold_count);
  state.counters["inputs/s"] = Counter(inputs, Counter::kIsRate);
  count_bytes(state, 64.0 * (inputs / packed(instruction.a.format) + rows / packed(instruction.out_format)));
}

isa::Vector map_rows(isa::VectorOp op, isa::Format in, isa::Format out, bool analyse) {
  isa::Vector v;
  v.op = op;
  v.a = rows_of(in, 0);
  v.b = rows_of(in, 1024);
  v.c = rows_of(isa::Format::kFp32, 2048);
  v.out_format = out;
  v.slot_o = 2;
  v.analyse = analyse;
  v.mask = {0, kLanes};
  v.loops[6] = 64;
  v.loops[7] = 4;
  v.o.base = static_cast<std::uint32_t>(10000 * packed(out));
  v.o.stride = v.a.at.stride;
  v.x.stride = {0, 0, 0, 0, 0, 0, 64, 16};
  v.x.lane_stride = 1;
  return v;
}

isa::Vector pooling(isa::Format format, isa::Reduction reduction) {
  isa::Vector v = map_rows(isa::VectorOp::kCopy, format, format, false);
  v.reduction = reduction;
  v.reduce = 2;
  v.loops = {1, 1, 1, 1, 64, 4, 2, 2};
  v.a.at.stride = {0, 0, 0, 0, 8, 1, 400, 4};
  v.o.stride = {0, 0, 0, 0, 4, 1, 0, 0};
  return v;
}

void copy(benchmark::State& state, const models::kernels::KernelSet& kernels, isa::Format element,
          int stride) {
  models::Core core = benchmark_core();
  isa::Copy c;
  c.element = element;
  c.loops[6] = 24;
  c.loops[7] = 24;
  c.src.stride = {0, 0, 0, 0, 0, 0, 28, 1};
  c.dst.base = static_cast<std::uint32_t>(5000 * packed(element));
  c.dst.stride = {0, 0, 0, 0, 0, 0, 24 * stride, stride};
  models::CopyPlan planned = models::plan(c, models::MemorySizes(core));
  bind(planned, core, core);
  for (auto _ : state) execute(planned, kernels, 0, planned.iterations);
  using benchmark::Counter;
  state.counters["rows/s"] = Counter(static_cast<double>(state.iterations()) * 576, Counter::kIsRate);
  state.counters["bytes/s"] =
      Counter(static_cast<double>(state.iterations()) * 576 * 64 / packed(element), Counter::kIsRate);
  count_bytes(state, static_cast<double>(state.iterations()) * 2 * 576 * 64 / packed(element));
}

void transpose(benchmark::State& state, const models::kernels::KernelSet& kernels, isa::Format element,
               int rows) {
  models::Core core = benchmark_core();
  isa::Transpose t;
  t.element = element;
  t.src_rows = static_cast<std::uint8_t>(rows);
  t.src_lanes = kLanes;
  t.dst_rows = kLanes;
  t.loops[7] = 256;
  t.src.stride[7] = 16;
  t.dst.base = static_cast<std::uint32_t>(10000 * packed(element));
  t.dst.stride[7] = 16;
  models::TransposePlan planned = models::plan(t, models::MemorySizes(core));
  bind(planned, core);
  for (auto _ : state) execute(planned, kernels, 0, planned.iterations);
  using benchmark::Counter;
  state.counters["blocks/s"] = Counter(static_cast<double>(state.iterations()) * 256, Counter::kIsRate);
  count_bytes(state, static_cast<double>(state.iterations()) * 2 * 256 * 16 * 64 / packed(element));
}

template <class F>
void add(const std::string& name, F f) {
  benchmark::RegisterBenchmark(name.c_str(), f);
}

void add_all() {
  using isa::Format;
  using isa::VectorOp;
  for (const models::kernels::KernelSet* set : models::kernels::available_kernels(kLanes)) {
    const std::string kernels = std::string("/") + set->name;
    for (const Format format : {Format::kInt8, Format::kInt16, Format::kFp32}) {
      const std::string suffix = kernels + "/" + isa::name(format);
      for (const int steps : {7, 28, 1024})
        for (const int rows : {2, 10, 16})
          add("tensor" + suffix + "/rows:" + std::to_string(rows) + "/steps:" + std::to_string(steps),
              [=](benchmark::State& s) { tensor(s, *set, format, rows, steps); });
      add("tensor" + suffix + "/rows:16/steps:1",
          [=](benchmark::State& s) { tensor(s, *set, format, 16, 1); });
      add("vector/convert" + suffix + "/to:fp32", [=](benchmark::State& s) {
        vector(s, *set, map_rows(VectorOp::kCopy, format, Format::kFp32, false));
      });
      add("vector/convert/from:fp32" + suffix, [=](benchmark::State& s) {
        vector(s, *set, map_rows(VectorOp::kCopy, Format::kFp32, format, true));
      });
      add("vector/fma" + suffix,
          [=](benchmark::State& s) { vector(s, *set, map_rows(VectorOp::kFma, format, format, true)); });
      add("vector/max_pool" + suffix,
          [=](benchmark::State& s) { vector(s, *set, pooling(format, isa::Reduction::kMax)); });
      add("vector/argmax" + suffix,
          [=](benchmark::State& s) { vector(s, *set, pooling(format, isa::Reduction::kArgmax)); });
      add("copy/gather" + suffix, [=](benchmark::State& s) { copy(s, *set, format, 40); });
      add("transpose" + suffix + "/rows:16", [=](benchmark::State& s) { transpose(s, *set, format, 16); });
      add("transpose" + suffix + "/rows:10", [=](benchmark::State& s) { transpose(s, *set, format, 10); });
    }
  }
}

}  // namespace
}  // namespace anzan

int main(int argc, char** argv) {
  anzan::add_all();
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}
