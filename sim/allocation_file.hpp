// Problems of memory allocation as CSV: a header, then a line for each buffer.
#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "compiler/memory/buffers.hpp"

namespace anzan::sim {

struct AllocationProblem {
  std::string header;              // as it stands in the file, without the end of the line
  std::vector<std::string> lines;  // of the buffers, alike
  std::vector<compiler::Buffer> buffers;
};

// The columns are id (or buffer), lower (or start), upper (or end) and size, in any order; a buffer is alive
// in [lower, upper). Throws compiler::InputError with the line and the column of whatever else is found.
AllocationProblem parse_allocation(const std::string& name, const std::string& text);

// "-" is standard input.
AllocationProblem read_allocation(const std::filesystem::path& file);

// The lines of the problem with a further column, offset.
std::string allocation_text(const AllocationProblem& problem, const std::vector<std::int64_t>& offsets);

}  // namespace anzan::sim
