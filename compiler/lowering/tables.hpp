// What the programs of a network share beside the graph: constants in HBM, scalars of the settings store, and
// names for the reports.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "compiler/input/step_scalar.hpp"
#include "compiler/instructions/listing.hpp"

namespace anzan::compiler {

// Lines at the start of HBM that hold constants, and their contents.
struct Constants {
  // One in every element: a line for each format, in the order of their numbers.
  std::int64_t ones_line(isa::Format f) const { return static_cast<std::int64_t>(f); }
  std::int64_t zero_line = isa::kFormatInfo.size;  // four lines of zeros
  std::int64_t countdown_line = zero_line + 4;     // FP32 elements: countdown, countdown - 1, ... 0
  std::int64_t countdown = 0, end_line = countdown_line;
};

// What the programs of a network have in common, in all stages of a pipeline.
struct Tables {
  std::vector<Region> regions;
  std::map<std::pair<std::string, std::string>, std::size_t> region_numbers;  // by layer and phase
  std::vector<std::uint32_t> scalars;                                         // initial values
  std::map<std::uint32_t, int> scalar_numbers;
  std::vector<StepScalar> step_scalars;  // that the driver fills
  std::vector<std::string> notes;        // what the tile searches decided
};

}  // namespace anzan::compiler
