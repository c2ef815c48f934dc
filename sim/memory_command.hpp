// The command `anzan memory`: what training a network needs, technique by technique, and what fits.
#pragma once
#include <optional>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace anzan::sim {

struct MemoryArguments {
  std::string file, hbm;
  std::optional<std::string> batch, format;
  std::vector<std::string> sets;
  bool json = false, plan = false;
};

void add_memory(CLI::App& app, MemoryArguments& arguments);

// Prints the table, or JSON. Throws compiler::InputError.
void memory(const MemoryArguments& arguments);

}  // namespace anzan::sim
