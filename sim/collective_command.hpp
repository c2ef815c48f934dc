// The command `anzan collective`: a collective over all cores of a configured system, in time.
#pragma once
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace anzan::sim {

struct CollectiveArguments {
  std::string config, out, trace, kind = "all_reduce", format = "fp32", bytes;
  std::vector<std::string> sets;
};

void add_collective(CLI::App& app, CollectiveArguments& arguments);

// Prints what it takes, and writes JSON where that is wanted. Throws compiler::InputError.
void collective(const CollectiveArguments& arguments);

}  // namespace anzan::sim
