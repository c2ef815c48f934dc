// Cases of files that runs and the compiler read: right ones and changed ones.
#pragma once
#include "tests/fuzz/makers.hpp"

namespace anzan::fuzz {

Case data(const Maker& m);
Case checkpoint(const Maker& m);
Case onnx(const Maker& m);
Case programs(const Maker& m);

}  // namespace anzan::fuzz
