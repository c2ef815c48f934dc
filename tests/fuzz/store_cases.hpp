// Cases of `anzan sweep`: stores that there are, and questions to them.
#pragma once
#include "tests/fuzz/makers.hpp"

namespace anzan::fuzz {

Case store(const Maker& m);
Case query(const Maker& m);

}  // namespace anzan::fuzz
