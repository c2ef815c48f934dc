// Cases of `anzan sweep`: design spaces in files.
#pragma once
#include "tests/fuzz/makers.hpp"

namespace anzan::fuzz {

Case sweep(const Maker& m);

}  // namespace anzan::fuzz
