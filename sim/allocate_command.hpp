// The command `anzan allocate`: offsets for the buffers of a file.
#pragma once
#include <optional>
#include <string>

namespace CLI {
class App;
}

namespace anzan::sim {

struct AllocateArguments {
  std::string file, out, gear = "exact";
  std::optional<std::string> capacity, seconds;
  bool json = false, quiet = false;
};

void add_allocate(CLI::App& app, AllocateArguments& arguments);

// Writes the lines with offsets, and says how good they are. False where a capacity was given and no plan
// that fits was found, or the work was interrupted before its end; the best plan is written all the same.
// Throws compiler::InputError.
bool allocate(const AllocateArguments& arguments);

}  // namespace anzan::sim
