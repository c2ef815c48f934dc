// What may come of a case, whatever its input is.
#pragma once
#include "tests/fuzz/cases.hpp"
#include "tests/fuzz/process.hpp"

namespace anzan::fuzz {

// In words, each way in which what a command did, said and left in its directory is not as it must be: exit
// status 0, 1 or 2 and no other end; 1 only where a run has failed, or where the case says what failure is; 2
// with a place, what was found and what was expected; no report of a sanitiser, no silence, not too much
// memory.
using Faults = std::vector<std::string>;
Faults faults_of(const Case& c, const Outcome& outcome, const std::filesystem::path& directory);

}  // namespace anzan::fuzz
