// What a run and a compilation have written, for cases that change it; and a file of each kind with its sums
// made right again.
#pragma once
#include "tests/fuzz/configurations.hpp"

namespace anzan::fuzz {

// A run that has ended, and the programs of its network.
struct Run {
  Json configuration;      // with its data set by name
  std::string effective;   // config.json
  std::string checkpoint;  // checkpoint.bin
  std::string programs;
  Files data;
};

// A sweep that has ended, and its store.
struct StoredSweep {
  Json file;
  std::string store;
  Files data;
};

struct Stock {
  std::vector<Run> runs;
  std::vector<StoredSweep> sweeps;
};

// Small ones, the same each time. Throws std::runtime_error if the program does not do what it should.
Stock make_stock(const std::filesystem::path& directory);
// A store after these statements of SQL. Throws std::runtime_error where they cannot be done.
std::string changed_store(std::string bytes, const std::string& sql);

// A checkpoint as its blocks, the first two of which are JSON, and the other way round, with a right sum.
struct Checkpoint {
  std::string heading;
  std::vector<std::string> blocks;
};
Checkpoint parts_of_checkpoint(const std::string& bytes);
std::string bytes_of(const Checkpoint& checkpoint);
// The content with the sum of it behind it, in place of the one that it has.
std::string with_sum(const std::string& bytes);

}  // namespace anzan::fuzz
