// Cases of `anzan allocate` and `anzan memory`.
#pragma once
#include "tests/fuzz/makers.hpp"

namespace anzan::fuzz {

Case allocation(const Maker& m);
Case memory(const Maker& m);
// What `anzan allocate` says with status 1.
std::vector<std::string> no_plan();

}  // namespace anzan::fuzz
