// The command `anzan sweep`: a design space, its points, and questions to what is stored of them.
#pragma once
#include <optional>
#include <string>

namespace CLI {
class App;
}

namespace anzan::sim {

struct SweepArguments {
  std::string file, store, csv, query, points;
  std::string slurm, time, memory;
  std::optional<std::string> workers, tasks;
  bool quiet = false, retry = false, keep_runs = false;
};

void add_sweep(CLI::App& app, SweepArguments& arguments);

// False: it was interrupted. Throws compiler::InputError, and std::exception where the store fails.
bool sweep(const SweepArguments& arguments);

}  // namespace anzan::sim
