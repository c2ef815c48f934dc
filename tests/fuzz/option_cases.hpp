// Cases of arguments: a right call of each command, in which words are others.
#pragma once
#include "tests/fuzz/makers.hpp"

namespace anzan::fuzz {

Case options(const Maker& m);

}  // namespace anzan::fuzz
