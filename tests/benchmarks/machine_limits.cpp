// Register-only multiplication loops and memcpy, timed once: see machine_limits.hpp.
#include "tests/benchmarks/machine_limits.hpp"

#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <vector>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace anzan::benchmarks {
namespace {

constexpr int kAccumulators = 12;  // enough to hide the latency of every processor with these instructions
constexpr int kRounds = 200000;

// Best of several runs: operations a second.
template <class Run>
double best_rate(double operations, Run&& run) {
  double best = 0;
  for (int i = 0; i < 7; ++i) {
    const auto start = std::chrono::steady_clock::now();
    run();
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    best = std::max(best, operations / seconds.count());
  }
  return best;
}

#if defined(__x86_64__)
__attribute__((target("avx512f"))) void multiply_avx512() {
  __m512 sums[kAccumulators];
  for (__m512& s : sums) s = _mm512_setzero_ps();
  __m512 a = _mm512_set1_ps(1e-3f);
  benchmark::DoNotOptimize(a);
  for (int round = 0; round < kRounds; ++round) {
    for (__m512& s : sums) s = _mm512_fmadd_ps(a, a, s);
  }
  for (__m512& s : sums) benchmark::DoNotOptimize(s);
}

__attribute__((target("avx512f,avx512vnni"))) void multiply_vnni() {
  __m512i sums[kAccumulators];
  for (__m512i& s : sums) s = _mm512_setzero_si512();
  __m512i a = _mm512_set1_epi8(3);
  benchmark::DoNotOptimize(a);
  for (int round = 0; round < kRounds; ++round) {
    for (__m512i& s : sums) s = _mm512_dpbusd_epi32(s, a, a);
  }
  for (__m512i& s : sums) benchmark::DoNotOptimize(s);
}

__attribute__((target("avx2,fma"))) void multiply_avx2() {  // two instructions for 64 bytes
  __m256 sums[kAccumulators];
  for (__m256& s : sums) s = _mm256_setzero_ps();
  __m256 a = _mm256_set1_ps(1e-3f);
  benchmark::DoNotOptimize(a);
  for (int round = 0; round < 2 * kRounds; ++round) {
    for (__m256& s : sums) s = _mm256_fmadd_ps(a, a, s);
  }
  for (__m256& s : sums) benchmark::DoNotOptimize(s);
}
#endif

MachineLimits measure() {
  MachineLimits limits;
  [[maybe_unused]] constexpr double kProducts = double{kAccumulators} * kRounds;
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f")) {
    limits.fp32_products = best_rate(kProducts, multiply_avx512);
  } else if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
    limits.fp32_products = best_rate(kProducts, multiply_avx2);
  }
  limits.int8_products =
      __builtin_cpu_supports("avx512vnni") ? best_rate(kProducts, multiply_vnni) : limits.fp32_products;
#endif
  constexpr std::size_t kBytes = 128 * 1024;
  std::vector<unsigned char> from(kBytes, 1), to(kBytes);
  limits.copy_bytes = best_rate(2.0 * kBytes * 200, [&] {
    for (int i = 0; i < 200; ++i) {
      std::memcpy(to.data(), from.data(), kBytes);
      benchmark::DoNotOptimize(to.data());
      benchmark::ClobberMemory();
    }
  });
  return limits;
}

}  // namespace

const MachineLimits& machine_limits() {
  static const MachineLimits limits = measure();
  return limits;
}

}  // namespace anzan::benchmarks
