// The values of a clocked run: units that are models call it for each instruction.
#pragma once
#include <cstddef>
#include <vector>

#include "models/core.hpp"
#include "models/kernels/jobs.hpp"

namespace anzan::models::clocked {

// What an instruction does to memories, settings and statistics; nothing in a dry run. Called in a cycle from
// S to E: nobody else may touch what it reads or writes then.
class Meaning {
 public:
  virtual ~Meaning() = default;
  virtual void execute(std::size_t instruction) = 0;
};

// The same where some blocks are RTL, which join in with pins.
class MeaningOnCore : public Meaning {
 public:
  virtual Core& core() = 0;
  // Instead of being counted, the rows that the analysis block would see go to `rows`.
  virtual void execute(std::size_t instruction, std::vector<kernels::AnalysedRow>& rows) = 0;
  using Meaning::execute;
};

}  // namespace anzan::models::clocked
