// Points on a cluster: job arrays of Slurm, whose tasks are `anzan sweep --points` with a store each; their
// rows are fetched as they come. All that has to be remembered stands in files beside the store.
#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "sim/sweep/sweep_run.hpp"

namespace anzan::sim {

struct SlurmOptions {
  std::string partition;
  std::string time, memory;  // of a task, as sbatch takes them; empty: what the cluster has
  int tasks = 100;           // of an array, at most
  int workers = 1;           // of a task
  std::filesystem::path sweep;
  double poll_seconds = 2;
};

// Submits what is missing in chunks, and again what nobody works on any more: three times if nothing more
// comes of a chunk, and then its points have failed. The directory STORE.slurm survives this process, and so
// do the jobs: who asks for the same points again goes on. Throws std::runtime_error where Slurm does not
// take a job.
Elsewhere on_slurm(SlurmOptions options);

}  // namespace anzan::sim
