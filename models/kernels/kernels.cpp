// Chooses among the kernel sets by what the processor can execute.
#include "models/kernels/kernels.hpp"

#include <stdexcept>
#include <string>

namespace anzan::models::kernels {
namespace {

bool has_avx2() {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2");
#else
  return false;
#endif
}

bool has_avx512() {
#if defined(__x86_64__)
  return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vnni");
#else
  return false;
#endif
}

}  // namespace

std::vector<const KernelSet*> available_kernels(int lanes) {
  if (generic_kernels(lanes) == nullptr)
    throw std::invalid_argument("kernels: found " + std::to_string(lanes) +
                                " lanes, expected 4, 8, 16 or 32");
  std::vector<const KernelSet*> sets{generic_kernels(lanes)};
  if (has_avx2() && avx2_kernels(lanes) != nullptr) sets.push_back(avx2_kernels(lanes));
  if (has_avx512() && avx512_kernels(lanes) != nullptr) sets.push_back(avx512_kernels(lanes));
  return sets;
}

const KernelSet& best_kernels(int lanes) { return *available_kernels(lanes).back(); }

}  // namespace anzan::models::kernels
