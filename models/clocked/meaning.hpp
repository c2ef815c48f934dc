// The values of a clocked run: called for each instruction when it starts.
#pragma once
#include <cstddef>

namespace anzan::models::clocked {

// What an instruction does to memories, settings and statistics; nothing in a dry run. Called in cycle S:
// nobody may touch what it reads or writes until E.
class Meaning {
 public:
  virtual ~Meaning() = default;
  virtual void execute(std::size_t instruction) = 0;
};

}  // namespace anzan::models::clocked
