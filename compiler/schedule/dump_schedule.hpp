// The schedule as text, for `--dump schedule`.
#pragma once
#include <string>
#include <vector>

#include "compiler/instructions/listing.hpp"

namespace anzan::compiler {

// Busy cycles of each unit by region, utilisation, start and end of everything.
std::string schedule_text(const std::string& title, const Listing& listing,
                          const std::vector<Region>& regions, int lanes);

}  // namespace anzan::compiler
