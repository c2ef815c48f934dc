// The kernels: what the units do to rows of values, compiled for several processors. All sets give the same
// bits; which one runs is a question of speed only.
#pragma once
#include <vector>

#include "models/kernels/jobs.hpp"

namespace anzan::models::kernels {

// Kernels of one processor for one number of lanes. Each works on the iterations [first, last) of a job and
// may be called from several threads for different iterations of one job.
struct KernelSet {
  const char* name;  // "generic", "avx2", "avx512"
  int lanes;
  void (*tensor)(const TensorJob& job, std::int64_t first, std::int64_t last, Counts& counts);
  void (*vector)(const VectorJob& job, std::int64_t first, std::int64_t last, Counts& counts);
  void (*copy)(const CopyJob& job, std::int64_t first, std::int64_t last);
  void (*transpose)(const TransposeJob& job, std::int64_t first, std::int64_t last);
};

// The sets that this processor can execute, slowest first; never empty. Throws std::invalid_argument if lanes
// is not one of 4, 8, 16, 32.
std::vector<const KernelSet*> available_kernels(int lanes);
const KernelSet& best_kernels(int lanes);

// The sets of one translation unit; null where this build holds none. For available_kernels.
const KernelSet* generic_kernels(int lanes);
const KernelSet* avx2_kernels(int lanes);
const KernelSet* avx512_kernels(int lanes);

}  // namespace anzan::models::kernels
